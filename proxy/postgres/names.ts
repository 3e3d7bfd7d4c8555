import type { BoundValue } from "./frontend.ts";
import { type NameChange, nameKey } from "./name-changes.ts";
import { Namespace, type Undo } from "./namespace.ts";
import { ProtocolViolation, sqlState } from "./protocol.ts";

export type { Undo } from "./namespace.ts";

/** A prepared statement as far as it was seen. SQL is absent when it was prepared out of sight. */
export interface Prepared {
  readonly sql: Buffer | undefined;
  /** Type OIDs; refined when the server describes the statement. */
  types: readonly number[];
  /** Whether a record holds the text. */
  isRecorded: boolean;
}

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

/** Prepared statements and portals of one session, one namespace each, as the server keeps them. */
export class NameTable {
  readonly #statements = new Namespace<Prepared>(statementBytes, (bytes) => this.#grow(bytes));
  readonly #portals = new Namespace<Portal>(
    (portal) => entryBytes + portal.bytes,
    (bytes) => this.#grow(bytes),
  );
  readonly #bytesMax: number;
  #bytes = 0;
  /** Counts the client's Syncs. */
  #stretch = 0;
  /** What statements that still run may do to names, by their numbers. */
  readonly #doubts = new Map<number, NameChange>();
  /** Statements without a record that the client has asked to replace or close, while the server may yet skip that. */
  readonly #replaced = new Map<Prepared, string>();
  #hasUnrecorded = false;

  constructor(bytesMax = namesBytesMax) {
    this.#bytesMax = bytesMax;
  }

  /** What a name means to the next message; undefined when it is not known, or depends on answers that have not come yet. */
  statement(name: string): Prepared | undefined {
    const isOpen = this.#statements.isOpen(name, this.#stretch) || this.#isDoubted(name, ["prepare", "deallocate"]);
    return isOpen ? undefined : this.#statements.get(name);
  }

  portal(name: string): Portal | undefined {
    const isOpen = this.#portals.isOpen(name, this.#stretch) || this.#isDoubted(name, ["declare", "close"]);
    return isOpen ? undefined : this.#portals.get(name);
  }

  /** The client sent a Sync. */
  synced(): void {
    this.#stretch += 1;
  }

  /** Every answer has come: what was replaced is gone. */
  answered(): void {
    for (const prepared of this.#replaced.keys()) {
      this.#grow(-statementBytes(prepared));
    }
    this.#replaced.clear();
  }

  /** A statement that may change names is about to run. Until it is settled, nobody knows what they mean. */
  doubt(number: number, change: NameChange): void {
    this.#doubts.set(number, change);
  }

  settle(number: number): void {
    this.#doubts.delete(number);
  }

  /**
   * Statements whose text no record holds; they are marked as recorded. SQL can run the named ones by their name. The unnamed one can
   * be run by Bind only, which looks at its text.
   */
  takeUnrecorded(isUnnamedToo = false): readonly (readonly [string, Prepared])[] {
    if (!this.#hasUnrecorded) {
      return [];
    }
    this.#hasUnrecorded = false;
    const replaced = [...this.#replaced].map(([prepared, name]) => [name, prepared] as const);
    const unrecorded = [...replaced, ...this.#statements.entries()].filter(
      ([name, prepared]) => !prepared.isRecorded && (isUnnamedToo || name !== ""),
    );
    for (const [, prepared] of unrecorded) {
      prepared.isRecorded = true;
    }
    return unrecorded;
  }

  /** Parse, or Close with no `prepared`. Throws `ProtocolViolation` when the session would hold too much. */
  setStatement(name: string, prepared: Prepared | undefined): Undo {
    const before = this.#statements.get(name);
    if (before?.isRecorded === false && !this.#replaced.has(before)) {
      this.#grow(statementBytes(before));
      this.#replaced.set(before, name);
    }
    this.#hasUnrecorded = true;
    const undo = this.#statements.ask(name, prepared, this.#stretch);
    const undoAndLook = (): void => {
      this.#hasUnrecorded = true;
      undo();
    };
    return Object.assign(undoAndLook, { bytes: undo.bytes });
  }

  /**
   * Bind, or Close with no `portal`. The last values of a long pipeline's unnamed portal are not worth their memory: after an error it
   * is gone, or as good as.
   */
  setPortal(name: string, portal: Portal | undefined): Undo {
    return this.#portals.ask(name, portal, this.#stretch, name !== "");
  }

  confirmStatement(name: string): void {
    this.#statements.confirm(name);
  }

  confirmPortal(name: string): void {
    this.#portals.confirm(name);
  }

  /** A simple query drops the unnamed statement. */
  dropUnnamed(): void {
    this.setStatement("", undefined);
    this.#statements.confirm("");
  }

  /** What SQL has done to names. */
  apply(change: NameChange): void {
    switch (change.kind) {
      case "prepare":
        this.#statements.put(change.name, preparedBySQL(change.sql));
        return;
      case "deallocate":
        return change.name === undefined ? this.#forgetStatements() : this.#statements.put(change.name, undefined);
      case "declare":
        this.#portals.put(change.name, {
          statementName: "",
          prepared: preparedBySQL(change.sql),
          parameters: [],
          bytes: change.sql.length,
        });
        return;
      case "close":
        return change.name === undefined ? this.forgetPortals() : this.#portals.put(change.name, undefined);
      case "discard":
      case "unreadable":
        this.#forgetStatements();
        this.forgetPortals();
    }
  }

  /** Portals end with their transaction. */
  forgetPortals(): void {
    for (const [name] of this.#portals.entries()) {
      this.#portals.put(name, undefined);
    }
  }

  /** The unnamed statement is out of SQL's reach. */
  #forgetStatements(): void {
    for (const [name] of this.#statements.entries()) {
      if (name !== "") {
        this.#statements.put(name, undefined);
      }
    }
  }

  #isDoubted(name: string, kinds: readonly NameChange["kind"][]): boolean {
    if (this.#doubts.size === 0 || name === "") {
      return false;
    }
    return [...this.#doubts.values()].some((change) =>
      "name" in change
        ? kinds.includes(change.kind) && (change.name === undefined || change.name === nameKey(name))
        : true,
    );
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

const statementBytes = (prepared: Prepared): number => entryBytes + (prepared.sql?.length ?? 0);
const preparedBySQL = (sql: string): Prepared => ({ sql: Buffer.from(sql, "latin1"), types: [], isRecorded: true });
