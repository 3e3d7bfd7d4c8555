import type { BoundValue } from "./frontend.ts";
import { ProtocolViolation, sqlState } from "./protocol.ts";

/** A prepared statement as far as it was seen. SQL is absent when it was prepared out of sight. */
export interface Prepared {
  readonly sql: Buffer | undefined;
  /** Type OIDs; refined when the server describes the statement. */
  types: readonly number[];
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

/** Takes a change of names back, when the server did not make it. */
export type Undo = () => void;

/**
 * Most bytes of SQL text and bound values that one session keeps in memory. The text of a prepared statement cannot be
 * forgotten, since a later execution is recorded with it; ORMs keep some hundred statements of a few KiB each.
 */
export const namesBytesMax = 32 * 1024 * 1024;
/** What an entry costs beside its text, so that many empty ones cannot fill the memory either. */
const entryBytes = 200;

/** Prepared statements and portals of one session, one namespace each, as the server keeps them. */
export class NameTable {
  readonly #statements = new Map<string, Prepared>();
  readonly #portals = new Map<string, Portal>();
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax = namesBytesMax) {
    this.#bytesMax = bytesMax;
  }

  statement(name: string): Prepared | undefined {
    return this.#statements.get(name);
  }

  portal(name: string): Portal | undefined {
    return this.#portals.get(name);
  }

  /** Throws `ProtocolViolation` when the session would hold too much. */
  setStatement(name: string, prepared: Prepared | undefined): Undo {
    return this.#set(this.#statements, name, prepared, statementBytes);
  }

  setPortal(name: string, portal: Portal | undefined): Undo {
    return this.#set(this.#portals, name, portal, portalBytes);
  }

  /** DISCARD ALL or DEALLOCATE ALL. */
  forgetStatements(): void {
    for (const name of this.#statements.keys()) {
      this.setStatement(name, undefined);
    }
  }

  /** Portals end with their transaction. */
  forgetPortals(): void {
    for (const name of this.#portals.keys()) {
      this.setPortal(name, undefined);
    }
  }

  #set<T>(map: Map<string, T>, name: string, value: T | undefined, size: (value: T) => number): Undo {
    const before = map.get(name);
    const bytes = this.#bytes - (before === undefined ? 0 : size(before)) + (value === undefined ? 0 : size(value));
    if (value !== undefined && bytes > this.#bytesMax) {
      throw new ProtocolViolation(
        `this session keeps more than ${this.#bytesMax >> 20} MiB of prepared statements and bound values`,
        sqlState.limitExceeded,
      );
    }
    this.#bytes = bytes;
    if (value === undefined) {
      map.delete(name);
    } else {
      map.set(name, value);
    }
    return () => {
      this.#set(map, name, before, size);
    };
  }
}

const statementBytes = (prepared: Prepared): number => entryBytes + (prepared.sql?.length ?? 0);
const portalBytes = (portal: Portal): number => entryBytes + portal.bytes;

/** What a finished statement did to the names: SQL's PREPARE shares its namespace with the protocol's Parse. */
export function learnNames(names: NameTable, tag: string, sql: string): void {
  if (tag === "PREPARE") {
    const [, name, body] = preparePattern.exec(sql) ?? [];
    if (name !== undefined && body !== undefined) {
      names.setStatement(foldName(name), { sql: Buffer.from(body, "latin1"), types: [] });
    }
  } else if (tag === "DEALLOCATE") {
    const [, name] = deallocatePattern.exec(sql) ?? [];
    if (name !== undefined) {
      names.setStatement(foldName(name), undefined);
    }
  } else if (tag === "DEALLOCATE ALL" || tag === "DISCARD ALL") {
    names.forgetStatements();
  }
}

const identifier = String.raw`("(?:[^"]|"")+"|[A-Za-z_\u0080-\u00ff][\w$\u0080-\u00ff]*)`;
const quiet = String.raw`(?:\s|--[^\n]*\n|/\*(?:[^*]|\*(?!/))*\*/)`;
const preparePattern = new RegExp(
  `^${quiet}*prepare${quiet}+${identifier}${quiet}*(?:\\([^)]*\\))?${quiet}*as\\b([\\s\\S]*)$`,
  "i",
);
const deallocatePattern = new RegExp(`^${quiet}*deallocate${quiet}+(?:prepare${quiet}+)?${identifier}`, "i");
/** The server cuts identifiers at NAMEDATALEN − 1 bytes. */
const nameBytesMax = 63;

function foldName(name: string): string {
  const plain = name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.toLowerCase();
  return plain.slice(0, nameBytesMax);
}
