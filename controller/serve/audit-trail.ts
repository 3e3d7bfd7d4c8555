import type { Heads } from "#audit/heads.ts";
import type { AuditStore, AuditFilter as StoreFilter } from "#audit/store/store.ts";
import { defined } from "#lib/defined.ts";
import type { Log } from "#lib/log.ts";
import type { StatementEvent, VerifyReport } from "#wire/control-api.ts";
import type { AuditSink } from "./link/link.ts";
import type { AuditFilter, AuditReader } from "./services.ts";
import { eventOf, searchEventOf, sessionViewOf } from "./statement-event.ts";

/** What the controller keeps of the audit trail: the records in the store, the signed heads apart from them. */
export interface AuditKeeping {
  readonly store: AuditStore;
  readonly heads: Heads;
  readonly log: Log;
  /** `namespace/name` of a Database that people call by its name alone. */
  readonly databaseKey: (name: string) => string;
  readonly verify: () => Promise<VerifyReport>;
}

/** Sessions of one answer; a person looks at far fewer. */
const sessionsMax = 1_000;

/** Takes what proxies ship: stores it, then signs where the chains stand. */
export function auditSink({ store, heads, log }: AuditKeeping): AuditSink {
  return {
    acknowledged: (proxyKey, taskID) => store.acknowledged(proxyKey, taskID),
    async ingest(proxyKey, taskID, records) {
      const result = await store.ingest(proxyKey, taskID, records);
      for (const finding of result.findings) {
        log.error("audit record does not fit its chain", { ...finding });
      }
      await heads.update(result.head);
      return result.ackSeq;
    },
  };
}

/** Reads the trail for the API. */
export function auditReader(keeping: AuditKeeping): AuditReader {
  const { store } = keeping;
  return {
    async search(filter, page) {
      const cursor = page.after === 0 ? {} : { cursor: page.after };
      const found = await store.search(storeFilter(filter, keeping), { limit: page.limit, order: "newest", ...cursor });
      return { items: found.items.map(searchEventOf), ...defined({ next: found.next }) };
    },
    async *tail(filter, after, signal): AsyncGenerator<StatementEvent> {
      const position = after === "now" ? (await store.stats()).storeSeq : after;
      for await (const entry of store.tail({ after: position, filter: storeFilter(filter, keeping), signal })) {
        yield eventOf(entry);
      }
    },
    async sessions(filter) {
      const { items } = await store.sessions(storeFilter(filter, keeping), { limit: sessionsMax, order: "newest" });
      return items.map(sessionViewOf);
    },
    verify: keeping.verify,
  };
}

function storeFilter(filter: AuditFilter, { databaseKey }: AuditKeeping): StoreFilter {
  const { userName, grantID, session, text, since: from, until: to } = filter;
  const database =
    filter.database === undefined || filter.database.includes("/") ? filter.database : databaseKey(filter.database);
  return defined({ userName, grantID, session, text, from, to, database });
}
