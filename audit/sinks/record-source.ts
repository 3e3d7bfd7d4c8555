import { tryDecodeRecord } from "../codec.ts";
import type { AuditStore } from "../store/store.ts";
import type { RawRecord } from "../store/types.ts";
import { type LineOwner, type RecordLine, recordLine } from "./record-line.ts";
import { type Sender, SessionOwners } from "./session-owners.ts";
import type { SinkItem, SinkPage, SinkSource } from "./sink.ts";
import type { StoreWatch } from "./store-watch.ts";

/** What of the audit store sinks read. */
export type RecordStore = Pick<AuditStore, "raw" | "sessions" | "newest">;

export interface RecordSourceOptions {
  readonly store: RecordStore;
  readonly watch: StoreWatch;
  readonly installation: string;
  /** Lowest position that retention has left; the store's first by default. */
  readonly oldest?: (() => Promise<number>) | undefined;
}

/** Every record of the store, flagged ones too, rendered for delivery. */
export function recordSource(options: RecordSourceOptions): SinkSource<RecordLine> {
  const { store, watch, installation, oldest = () => oldestIn(store) } = options;
  const owners = new SessionOwners((session, sender) => findOwner(store, session, sender));
  const render = async (raw: RawRecord): Promise<SinkItem<RecordLine>> => {
    const record = tryDecodeRecord(raw.bytes);
    const value = recordLine(raw, installation, await owners.ownerOf(record, raw), record);
    const { storeSeq: position, receivedTime } = raw;
    return {
      position,
      id: value.id,
      receivedMs: Date.parse(receivedTime),
      bytes: Buffer.byteLength(value.line),
      value,
    };
  };
  return {
    async read(after, limit): Promise<SinkPage<RecordLine>> {
      const newest = await store.newest();
      const items: SinkItem<RecordLine>[] = [];
      if (newest > after) {
        for await (const raw of store.raw({ after, upTo: newest })) {
          items.push(await render(raw));
          if (items.length >= limit) {
            break;
          }
        }
      }
      const isWhole = items.length < limit;
      const position = isWhole ? Math.max(after, newest) : (items.at(-1)?.position ?? after);
      return { items, position, more: !isWhole && position < newest };
    },
    wait: (after, signal) => watch.wait(after, signal),
    latest: () => watch.latest(),
    newest: () => store.newest(),
    oldest,
  };
}

/** Position of the first record that is there, or of the next one to come. */
async function oldestIn(store: RecordStore): Promise<number> {
  const newest = await store.newest();
  for await (const { storeSeq } of store.raw({ upTo: newest })) {
    return storeSeq;
  }
  return newest + 1;
}

/** Sessions of one name that are looked through: names are random, so that there are two is nobody's accident. */
const namesakesMax = 100;

async function findOwner(store: RecordStore, session: string, sender: Sender): Promise<LineOwner | undefined> {
  const { items } = await store.sessions({ session }, { limit: namesakesMax, order: "oldest" });
  const entry = items.find(({ proxy, task }) => proxy === sender.proxy && task === sender.task);
  if (entry?.openTime === undefined) {
    return undefined;
  }
  const { grantID, userName, database, databaseName, engine, roleName } = entry;
  return { grantID, userName, database, databaseName, engine, roleName };
}
