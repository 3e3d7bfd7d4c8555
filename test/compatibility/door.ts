import { listenLocally, type ProxyStream } from "#test/proxy/client.ts";
import { prove, type ProxyStand } from "#test/proxy/harness.ts";
import type { AuditRecord } from "#audit/record.ts";
import type { LinkGrant } from "#wire/link.ts";

/** A local port that leads through the proxy's gate under a grant of its own, as `sallyport rds proxy` opens one. */
export interface Door {
  readonly port: number;
  /**
   * Every record of the grant. `mark` runs a statement with exactly this text through the door, in a session after all others: once the
   * trail has that and every session is closed, nothing is under way any more.
   */
  records(mark: (sql: string) => Promise<void>): Promise<readonly AuditRecord[]>;
  stop(): Promise<void>;
}

export async function openDoor(stand: ProxyStand, change: Partial<LinkGrant>): Promise<Door> {
  const grant = stand.makeGrant(change);
  stand.controller.tell(grant);
  const { ticket, control } = await enter(stand, grant);
  const local = await listenLocally(stand.proxy.port, () => ticket);
  const records = (): AuditRecord[] => {
    const all = stand.controller.records;
    const opens = all.filter((record) => record.kind === "session.open" && record.grantID === grant.grantID);
    const sessions = new Set(opens.map(({ session }) => session));
    return all.filter(({ session }) => session !== undefined && sessions.has(session));
  };
  const isWhole = (mark: string): boolean => {
    const found = records();
    const count = (kind: AuditRecord["kind"]): number => found.filter((record) => record.kind === kind).length;
    const isMarked = found.some((record) => record.kind === "statement.start" && record.sql === mark);
    return isMarked && count("session.open") === count("session.close");
  };
  return {
    port: local.port,
    async records(mark) {
      const sql = `select 'mark ${crypto.randomUUID()}'`;
      await mark(sql);
      await stand.controller.until(() => isWhole(sql));
      return records();
    },
    async stop() {
      control.socket.destroy();
      await local.stop();
    },
  };
}

/** The proxy may not have heard of the grant yet: it then refuses, and is asked again. */
async function enter(stand: ProxyStand, grant: LinkGrant): Promise<{ ticket: string; control: ProxyStream }> {
  for (;;) {
    const { stream, answer } = await prove(stand, grant.grantID, stand.credentialsOf(stand.roleOf(grant)));
    if (answer.type === "welcome") {
      return { ticket: answer.ticket ?? "", control: stream };
    }
  }
}
