import { defined } from "#lib/defined.ts";
import type { AuditRecord } from "../record.ts";
import type { LineOwner } from "./record-line.ts";

/** Finds a session's opening record where it was delivered long ago; undefined where the store does not have it. */
export type FindOwner = (session: string) => Promise<LineOwner | undefined>;

/** Sessions that are kept: more than are open at a time in a large installation. One is about 300 bytes. */
const sessionsMax = 20_000;

/** Who opened the sessions whose records pass by. */
export class SessionOwners {
  readonly #find: FindOwner;
  readonly #max: number;
  /** Least recently used first. */
  readonly #known = new Map<string, LineOwner | undefined>();

  constructor(find: FindOwner, max = sessionsMax) {
    this.#find = find;
    this.#max = max;
  }

  /** Of the record's session. Learns from every opening that passes. */
  async ownerOf(record: AuditRecord | undefined): Promise<LineOwner | undefined> {
    if (record?.kind === "session.open") {
      const owner = ownerIn(record);
      this.#keep(record.session, owner);
      return owner;
    }
    if (record?.kind === "event") {
      const { grantID, userName, database, role: roleName } = record.about;
      return defined({ grantID, userName, database, roleName });
    }
    if (record?.session === undefined) {
      return undefined;
    }
    const { session } = record;
    const owner = this.#known.has(session) ? this.#known.get(session) : await this.#find(session);
    this.#keep(session, owner);
    if (record.kind === "session.close") {
      this.#known.delete(session);
    }
    return owner;
  }

  #keep(session: string, owner: LineOwner | undefined): void {
    this.#known.delete(session);
    this.#known.set(session, owner);
    if (this.#known.size > this.#max) {
      const [oldest] = this.#known.keys();
      this.#known.delete(oldest ?? "");
    }
  }
}

function ownerIn({
  grantID,
  person,
  database,
  databaseName,
  engine,
  roleName,
}: Extract<AuditRecord, { kind: "session.open" }>): LineOwner {
  return { grantID, userName: person.userName, database, databaseName, engine, roleName };
}
