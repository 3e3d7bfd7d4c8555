import { tryDecodeRecord } from "../codec.ts";
import { parseHead } from "../head-line.ts";
import type { RawRange, RawRecord } from "../store/types.ts";
import { taskKey } from "../verify-heads.ts";
import { type ExportEnd, type ExportHeader, exportLine, type ExportScope, headExportLine } from "./format.ts";

/** Where an export comes from. */
export interface ExportSource {
  readonly installation: string;
  readonly store: {
    newest(): Promise<number>;
    /** Newest position before which everything was stored before an instant, epoch milliseconds. */
    positionBefore(time: number): Promise<number>;
    raw(range: RawRange): AsyncIterable<RawRecord>;
  };
  /** Signs what is stored by now. */
  readonly flush: () => Promise<void>;
  readonly headLines: () => AsyncIterable<string>;
  readonly now: () => number;
}

/**
 * Lines of an export, without line ends: what it is, the whole head log, the records byte for byte, how many there were. What comes
 * while it is written and is not signed yet is left for the next one. One page of records is in memory, and the last numbers of tasks.
 */
export async function* exportTrail(source: ExportSource, scope: ExportScope): AsyncGenerator<string, void, void> {
  const { store, installation } = source;
  const before = await store.newest();
  await source.flush();
  const header: ExportHeader = {
    export: "sallyport audit trail",
    v: 1,
    installation,
    time: new Date(source.now()).toISOString(),
    scope,
  };
  yield JSON.stringify(header);
  const signed = new Map<string, number>();
  let heads = 0;
  for await (const line of source.headLines()) {
    heads += 1;
    const head = parseHead(line);
    if (head !== undefined) {
      signed.set(taskKey(head.proxy, head.task), head.seq);
    }
    yield headExportLine(line);
  }
  let records = 0;
  for await (const raw of store.raw(await rangeOf(store, scope))) {
    const seq = tryDecodeRecord(raw.bytes)?.seq ?? 0;
    if (raw.storeSeq <= before || seq <= (signed.get(taskKey(raw.proxy, raw.task)) ?? 0)) {
      records += 1;
      yield exportLine(raw);
    }
  }
  const end: ExportEnd = { end: true, heads, records };
  yield JSON.stringify(end);
}

async function rangeOf(store: ExportSource["store"], scope: ExportScope): Promise<RawRange> {
  if (scope.kind === "grant") {
    return { grantID: scope.grantID };
  }
  const { from, to } = scope.kind === "range" ? scope : {};
  return {
    ...(from === undefined ? {} : { after: await store.positionBefore(Date.parse(from)) }),
    ...(to === undefined ? {} : { upTo: await store.positionBefore(Date.parse(to)) }),
  };
}
