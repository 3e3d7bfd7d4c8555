import { defined } from "#lib/defined.ts";
import type { RawRecord } from "../store/types.ts";
import type { AuditRecord } from "../record.ts";
import type { LineOwner } from "./record-line.ts";

/** Who sent a record, as authenticated. */
export type Sender = Pick<RawRecord, "proxy" | "task">;

/** Finds a session's opening record where it was delivered long ago; undefined where the store does not have it. */
export type FindOwner = (session: string, sender: Sender) => Promise<LineOwner | undefined>;

/** Sessions that are kept: more than are open at a time in a large installation. One is about 300 bytes. */
const sessionsMax = 20_000;

/** Who opened the sessions whose records pass by. By their senders: no proxy can give another's sessions an owner by using their names. */
export class SessionOwners {
  readonly #find: FindOwner;
  readonly #max: number;
  /** By sender and name; least recently used first. */
  readonly #known = new Map<string, LineOwner | undefined>();

  constructor(find: FindOwner, max = sessionsMax) {
    this.#find = find;
    this.#max = max;
  }

  /** Of the record's session. Learns from every opening that passes. */
  async ownerOf(record: AuditRecord | undefined, sender: Sender): Promise<LineOwner | undefined> {
    if (record?.kind === "session.open") {
      const owner = ownerIn(record);
      this.#keep(keyOf(record.session, sender), owner);
      return owner;
    }
    if (record?.kind === "event") {
      const { grantID, userName, database, role: roleName } = record.about;
      return defined({ grantID, userName, database, roleName });
    }
    if (record?.session === undefined) {
      return undefined;
    }
    const key = keyOf(record.session, sender);
    const owner = this.#known.has(key) ? this.#known.get(key) : await this.#find(record.session, sender);
    this.#keep(key, owner);
    if (record.kind === "session.close") {
      this.#known.delete(key);
    }
    return owner;
  }

  #keep(key: string, owner: LineOwner | undefined): void {
    this.#known.delete(key);
    this.#known.set(key, owner);
    if (this.#known.size > this.#max) {
      const [oldest] = this.#known.keys();
      this.#known.delete(oldest ?? "");
    }
  }
}

function keyOf(session: string, { proxy, task }: Sender): string {
  return JSON.stringify([proxy, task, session]);
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
