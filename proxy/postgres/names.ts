import type { BoundValue } from "./frontend.ts";
import type { Verdict } from "./judge.ts";
import { type NameChange, nameKey } from "./name-changes.ts";
import { type Asking, Namespace, type Undo } from "./namespace.ts";
import { ProtocolViolation, sqlState } from "./protocol.ts";
import type { StoredSQL } from "./stored-text.ts";

export type { Undo } from "./namespace.ts";

const noStatements: readonly (readonly [string, Prepared])[] = [];

/** For a change that changes nothing. */
export const nothingToUndo: Undo = () => {};

/** A prepared statement as far as it was seen. SQL is absent when it was prepared out of sight. */
export interface Prepared {
  readonly sql: Buffer | undefined;
  /** The text passed in pieces: `sql` is its skeleton. */
  readonly stored?: StoredSQL;
  /** Type OIDs; refined when the server describes the statement. */
  types: readonly number[];
  /** Whether a record holds the text. */
  isRecorded: boolean;
  /** What was said of the text when it came. */
  readonly verdict?: Verdict;
}

/** A prepared statement while it is made. */
export type PreparedText = { -readonly [Key in keyof Prepared]: Prepared[Key] } & { readonly sql: Buffer };

/** A bound portal. */
export interface Portal {
  readonly statementName: string;
  readonly prepared: Prepared | undefined;
  readonly parameters: readonly BoundValue[];
  /** Bytes that the parameters hold in memory. */
  readonly bytes: number;
  /** Number of the last execution on it that had a row limit: the next one goes on where it stopped. */
  limitedBy?: number;
}

/**
 * Most bytes of SQL text and bound values that one session keeps in memory. The text of a prepared statement cannot be
 * forgotten, since a later execution is recorded with it; ORMs keep some hundred statements of a few KiB each.
 */
export const namesBytesMax = 32 * 1024 * 1024;
/** What an entry costs beside its text, so that many empty ones cannot fill the memory either. */
const entryBytes = 200;

const statementChanges: readonly NameChange["kind"][] = ["prepare", "deallocate"];
const portalChanges: readonly NameChange["kind"][] = ["declare", "close"];

/** Prepared statements and portals of one session, one namespace each, as the server keeps them. */
export class NameTable {
  readonly #statements = new Namespace<Prepared>(
    (prepared) => entryBytes + (prepared.sql?.length ?? 0),
    (bytes) => this.#grow(bytes),
  );
  readonly #portals = new Namespace<Portal>(
    (portal) => entryBytes + portal.bytes,
    (bytes) => this.#grow(bytes),
  );
  readonly #bytesMax: number;
  #bytes = 0;
  /** The unnamed portal is bound anew for each execution of a long pipeline: only its last values are kept. */
  #unnamedPortal: { readonly portal: Portal; readonly stretch: number } | undefined;
  /** Changes of it that the server has not confirmed. */
  #unnamedPending = 0;
  /** Counts the client's Syncs. */
  #stretch = 0;
  /** Counts changes and doubts, in the order of the client's messages. */
  #at = 0;
  /** What statements that still run may do to names, by their numbers. */
  readonly #doubts = new Map<number, { readonly change: NameChange; readonly at: number }>();
  /** Whether there may be statements whose text no record holds. */
  #hasUnrecordedNamed = false;
  #hasUnrecordedUnnamed = false;

  constructor(bytesMax = namesBytesMax) {
    this.#bytesMax = bytesMax;
  }

  /** What a name means to the next message; undefined when it is not known, or depends on answers that have not come yet. */
  statement(name: string): Prepared | undefined {
    const doubtedAt = this.#doubtedAt(name, statementChanges);
    return this.#statements.isOpen(name, this.#stretch, doubtedAt) ? undefined : this.#statements.get(name);
  }

  portal(name: string): Portal | undefined {
    if (name === "") {
      const isOpen = this.#unnamedPending > 0 && this.#unnamedPortal?.stretch !== this.#stretch;
      return isOpen ? undefined : this.#unnamedPortal?.portal;
    }
    const doubtedAt = this.#doubtedAt(name, portalChanges);
    return this.#portals.isOpen(name, this.#stretch, doubtedAt) ? undefined : this.#portals.get(name);
  }

  /** The statement that a name means if all goes well: the one that a Describe of it will be answered for. */
  described(name: string): Prepared | undefined {
    return this.#statements.get(name);
  }

  /** The client sent a Sync. */
  synced(): void {
    this.#stretch += 1;
  }

  /**
   * A statement that may change names is about to run. Until it is settled, nobody knows what they mean, but for those that the client
   * gives a meaning after it.
   */
  doubt(number: number, change: NameChange): void {
    this.#at += 1;
    this.#doubts.set(number, { change, at: this.#at });
  }

  /** It has run, and has done this. */
  settle(number: number, changes: readonly NameChange[]): void {
    if (this.#doubts.size > 0) {
      this.#doubts.delete(number);
    }
    for (const change of changes) {
      this.#apply(change);
    }
  }

  /**
   * Statements whose text no record holds; they are marked as recorded. SQL can run the named ones by their name. The unnamed one can
   * be run by Bind only, which looks at its text.
   */
  takeUnrecorded(isUnnamedToo = false): readonly (readonly [string, Prepared])[] {
    if (!this.#hasUnrecordedNamed && !(isUnnamedToo && this.#hasUnrecordedUnnamed)) {
      return noStatements;
    }
    const unrecorded = [...this.#statements.values()].filter(([, prepared]) => !prepared.isRecorded);
    const taken = unrecorded.filter(([name]) => isUnnamedToo || name !== "");
    this.#hasUnrecordedNamed = false;
    this.#hasUnrecordedUnnamed = taken.length < unrecorded.length;
    for (const [, prepared] of taken) {
      prepared.isRecorded = true;
    }
    return taken;
  }

  /** A simple query drops the unnamed statement. Nothing is to be confirmed for `nothingToUndo`: there is none. */
  dropUnnamed(): Undo {
    return this.#statements.has("") ? this.setStatement("", undefined) : nothingToUndo;
  }

  /** Parse, or Close with no `prepared`. Throws `ProtocolViolation` when the session would hold too much. */
  setStatement(name: string, prepared: Prepared | undefined): Undo {
    this.#hasUnrecordedNamed ||= prepared !== undefined && name !== "";
    this.#hasUnrecordedUnnamed ||= prepared !== undefined && name === "";
    return this.#statements.ask(name, prepared, this.#ask());
  }

  /** Bind, or Close with no `portal`. */
  setPortal(name: string, portal: Portal | undefined): Undo {
    if (name !== "") {
      return this.#portals.ask(name, portal, this.#ask());
    }
    const bound = portal === undefined ? undefined : { portal, stretch: this.#stretch };
    this.#forgetUnnamedPortal();
    this.#grow(portal?.bytes ?? 0);
    this.#unnamedPortal = bound;
    this.#unnamedPending += 1;
    return () => {
      this.#unnamedPending -= 1;
      // Which one the server has instead nobody knows without keeping all of them.
      if (this.#unnamedPortal === bound) {
        this.#forgetUnnamedPortal();
      }
    };
  }

  confirmStatement(name: string): void {
    this.#statements.confirm(name);
  }

  confirmPortal(name: string): void {
    if (name === "") {
      this.#unnamedPending -= 1;
    } else {
      this.#portals.confirm(name);
    }
  }

  /** Portals end with their transaction. */
  forgetPortals(): void {
    this.#portals.settleAll();
  }

  #forgetUnnamedPortal(): void {
    this.#grow(-(this.#unnamedPortal?.portal.bytes ?? 0));
    this.#unnamedPortal = undefined;
  }

  #apply(change: NameChange): void {
    switch (change.kind) {
      case "prepare":
        return this.#statements.settle(change.name, preparedBySQL(change.sql));
      case "declare":
        return this.#portals.settle(change.name, declaredBySQL(change.sql));
      case "deallocate":
        return change.name === undefined ? this.#forgetStatements() : this.#statements.settle(change.name, undefined);
      case "close":
        return change.name === undefined ? this.forgetPortals() : this.#portals.settle(change.name, undefined);
      case "discard":
      case "unreadable":
        this.#forgetStatements();
        this.forgetPortals();
    }
  }

  /** The unnamed statement is out of SQL's reach. */
  #forgetStatements(): void {
    this.#statements.settleAll((name) => name === "");
  }

  #ask(): Asking {
    this.#at += 1;
    return { stretch: this.#stretch, at: this.#at };
  }

  /** 0 when nothing that runs can change the name. */
  #doubtedAt(name: string, kinds: readonly NameChange["kind"][]): number {
    if (this.#doubts.size === 0) {
      return 0;
    }
    let last = 0;
    for (const { change, at } of name === "" ? [] : this.#doubts.values()) {
      const isMeant =
        !("name" in change) ||
        (kinds.includes(change.kind) && (change.name === undefined || change.name === nameKey(name)));
      last = isMeant ? at : last;
    }
    return last;
  }

  #grow(bytes: number): void {
    if (bytes > 0 && this.#bytes + bytes > this.#bytesMax) {
      throw new ProtocolViolation(
        `this session keeps more than ${this.#bytesMax >> 20} MiB of prepared statements and bound values`,
        sqlState.limitExceeded,
      );
    }
    this.#bytes += bytes;
  }
}

const preparedBySQL = (sql: string | undefined): Prepared => ({
  sql: sql === undefined ? undefined : Buffer.from(sql, "latin1"),
  types: [],
  isRecorded: true,
});
const declaredBySQL = (sql: string | undefined): Portal => ({
  statementName: "",
  prepared: preparedBySQL(sql),
  parameters: [],
  bytes: sql?.length ?? 0,
});
