import { decodeRecord } from "#audit/codec.ts";
import type { StoredTrail } from "#audit/event/stored-trail.ts";
import type { ExportScope } from "#audit/export/format.ts";
import type { HeadReader } from "#audit/head-place.ts";
import type { HeadLog } from "#audit/heads.ts";
import type { AuditRecord } from "#audit/record.ts";
import type { AuditStore, AuditFilter as StoreFilter, IngestResult } from "#audit/store/store.ts";
import { bytesOfText } from "#audit/text.ts";
import { verify } from "#audit/verify.ts";
import { withFindings } from "#audit/verify-report.ts";
import { defined } from "#lib/defined.ts";
import type { Log } from "#lib/log.ts";
import type { RetentionHold } from "../audit-retention-hold.ts";
import type { ExportedLine, StatementEvent, TextLine, VerifyReport } from "#wire/control-api.ts";
import type { AuditSink } from "./link/link.ts";
import type { AuditFilter, AuditReader } from "./services.ts";
import { eventOf, searchEventOf, sessionViewOf } from "./statement-event.ts";
import { statisticsView } from "./statistics-view.ts";

/** What the controller keeps of the audit trail: the records in the store, the signed heads apart from them. */
export interface AuditKeeping {
  readonly store: AuditStore;
  readonly heads: HeadLog;
  /** Keeps the controller's own events, in the same store. */
  readonly trail: StoredTrail;
  /** Lines of the head log, and those of them that this replica has written. */
  readonly headLines: () => AsyncIterable<string>;
  readonly ownHeadLines: () => AsyncIterable<string>;
  /** Reads them while they are written. */
  readonly headReader: HeadReader;
  /** The public keys that prove them, PEM, and which of them signs now. */
  readonly publicKeyPEM: string;
  readonly keyID: string;
  /** Lines of an export. */
  readonly exportTrail: (scope: ExportScope) => AsyncIterable<string>;
  /** This process begins to act: it takes the trail over from whoever wrote before. Rejects with a `UserError` where it cannot. */
  readonly begin: (signal: AbortSignal) => Promise<void>;
  readonly log: Log;
  /** `namespace/name` of the Proxy that a grant goes through; undefined for a grant that is not known. */
  readonly proxyOfGrant: (grantID: string) => string | undefined;
  /** `namespace/name` of a Database that people call by its name alone. */
  readonly databaseKey: (name: string) => string;
  /** What a person must look at in the sinks. Absent: there are none. */
  readonly sinkProblems?: () => readonly string[];
  /** Whether records that are too old are held back. */
  readonly retentionHold: RetentionHold;
  /** Lowest position that a sink still needs: retention keeps it and what follows. Undefined, or absent: none needs any. */
  readonly positionNeeded?: () => number | undefined;
}

/** What becomes of the batches of a Proxy (`namespace/name`), for metrics. */
export interface AuditRecorder {
  /** A batch is stored; `records` are those of it that can be read. */
  stored(proxyKey: string, result: IngestResult, records: readonly AuditRecord[]): void;
  /** A batch was not stored, for whatever reason; its link ends. */
  refused(proxyKey: string): void;
}

/** Sessions of one answer; a person looks at far fewer. */
const sessionsMax = 1_000;

/**
 * Takes what proxies ship: stores it, then signs where the chains stand. `onFlagged` hears of grants whose statements had hazards, once
 * that is stored.
 */
export function auditSink(
  { store, heads, log, proxyOfGrant }: Pick<AuditKeeping, "store" | "heads" | "log" | "proxyOfGrant">,
  onFlagged: (grantIDs: readonly string[]) => void = () => {},
  recorder?: AuditRecorder,
): AuditSink {
  const take: AuditSink["ingest"] = async (proxyKey, taskID, records) => {
    const readable = records.map(tryDecode).filter((record) => record !== undefined);
    for (const record of readable) {
      assertNoEvent(proxyKey, record);
      assertOwnGrant(proxyKey, record, proxyOfGrant);
    }
    const result = await store.ingest(proxyKey, taskID, records);
    for (const finding of result.findings) {
      log.error("audit record does not fit its chain", { ...finding });
    }
    heads.note(result.head);
    onFlagged(result.flagged);
    recorder?.stored(proxyKey, result, readable);
    return result.ackSeq;
  };
  return {
    acknowledged: (proxyKey, taskID) => store.acknowledged(proxyKey, taskID),
    async ingest(proxyKey, taskID, records) {
      try {
        return await take(proxyKey, taskID, records);
      } catch (error) {
        recorder?.refused(proxyKey);
        throw error;
      }
    },
  };
}

/**
 * A proxy may record sessions of its own Proxy's grants only: nobody who takes over one proxy can write another's history. A
 * grant that is no longer known may have been its own; throws only where the grant is known to be another Proxy's.
 */
function assertOwnGrant(proxyKey: string, record: AuditRecord, proxyOfGrant: AuditKeeping["proxyOfGrant"]): void {
  const owner = record.kind === "session.open" ? proxyOfGrant(record.grantID) : undefined;
  if (owner !== undefined && owner !== proxyKey) {
    throw new Error(`a session of ${proxyKey} names a grant of ${owner}`);
  }
}

/** Events are the controller's: a proxy that sends one is not the program that it should be. */
function assertNoEvent(proxyKey: string, record: AuditRecord): void {
  if (record.kind === "event") {
    throw new Error(`${proxyKey} sent an event, which only the controller records`);
  }
}

/** Bytes that are no record are the store's to flag. */
function tryDecode(bytes: Buffer): AuditRecord | undefined {
  try {
    return decodeRecord(bytes);
  } catch {
    return undefined;
  }
}

/** Reads the trail for the API. */
export function auditReader(keeping: AuditKeeping): AuditReader {
  const { store } = keeping;
  return {
    async search(filter, page) {
      const cursor = page.after === 0 ? {} : { cursor: page.after };
      const { limit, order } = page;
      const found = await store.search(storeFilter(filter, keeping), { limit, order, ...cursor });
      return { items: found.items.map(searchEventOf), ...defined({ next: found.next }) };
    },
    newest: () => store.newest(),
    async *tail(filter, after, signal): AsyncGenerator<StatementEvent> {
      const { outcome, minDurationMs, minRows } = filter;
      const isJudged = outcome !== undefined || minDurationMs !== undefined || minRows !== undefined;
      for await (const entry of store.tail({ after, filter: storeFilter(filter, keeping), signal })) {
        yield eventOf(entry, isJudged);
      }
    },
    async sessions(filter) {
      const { items } = await store.sessions(storeFilter(filter, keeping), { limit: sessionsMax, order: "newest" });
      return items.map(sessionViewOf);
    },
    async statistics(filter, range) {
      return statisticsView(await store.statistics(storeFilter(filter, keeping), range), range);
    },
    async *text(filter, text): AsyncGenerator<TextLine> {
      // By the filter and not by its name alone: two proxies can give two sessions one name.
      const [entry] = (await store.sessions(storeFilter(filter, keeping), { limit: 1 })).items;
      let bytes = 0;
      if (entry !== undefined) {
        for await (const piece of store.text({ proxy: entry.proxy, task: entry.task, session: entry.session, text })) {
          bytes += bytesOfText(piece).length;
          yield typeof piece === "string" ? { data: piece } : piece;
        }
      }
      yield { complete: true, bytes };
    },
    verify: () => verifyTrail(keeping),
    export: (scope, signal) => exported(keeping, scope, signal),
    publicKey: { keyID: keeping.keyID, publicKeyPEM: keeping.publicKeyPEM },
  };
}

async function* exported(
  { exportTrail }: AuditKeeping,
  scope: ExportScope,
  signal: AbortSignal,
): AsyncGenerator<ExportedLine, void, void> {
  // At once: the search for a grant's first record may take longer than a client waits.
  yield {};
  for await (const line of exportTrail(scope)) {
    if (signal.aborted) {
      return;
    }
    yield { line };
  }
}

function storeFilter(filter: AuditFilter, { databaseKey }: AuditKeeping): StoreFilter {
  const { userName, grantID, session, text, since: from, until: to } = filter;
  const { outcome, minDurationMs, minRows, open, visibleTo } = filter;
  const database =
    filter.database === undefined || filter.database.includes("/") ? filter.database : databaseKey(filter.database);
  const asked = { userName, grantID, session, text, from, to, database };
  return defined({ ...asked, outcome, minDurationMs, minRows, open, visibleTo });
}

/** Checks the whole store against the signed heads, both as they are on disk. Records that come meanwhile are left for the next time. */
async function verifyTrail(keeping: AuditKeeping): Promise<VerifyReport> {
  const { store, heads, headLines, ownHeadLines, publicKeyPEM } = keeping;
  const until = await store.newest();
  await heads.flush();
  const ownHeads = await collect(ownHeadLines());
  const lines = await collect(headLines());
  const report = await verify({ records: store.raw(), heads: lines, ownHeads, publicKey: publicKeyPEM, until });
  const judged = withFindings(report, await store.checkIndex(until));
  const { verdict, counts, findings, removed, unanchored } = judged;
  return {
    verdict,
    removed,
    unanchored,
    records: counts.records,
    sessions: counts.sessions,
    findings: findings.map(({ kind, detail, session, seq }) => ({ kind, detail, ...defined({ session, seq }) })),
  };
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) {
    all.push(item);
  }
  return all;
}
