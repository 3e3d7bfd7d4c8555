import { skipQuiet, type StatementSpan } from "./split.ts";

/**
 * What SQL of its own does to the names of prepared statements and portals, which the protocol shares. Source: PostgreSQL
 * documentation, SQL commands PREPARE, DEALLOCATE, DISCARD, DECLARE, CLOSE.
 */
export type NameChange =
  /** `sql` is absent where the text passed in pieces: it is on record, and not in memory. */
  | { readonly kind: "prepare"; readonly name: string; readonly sql: string | undefined }
  | { readonly kind: "declare"; readonly name: string; readonly sql: string | undefined }
  /** Without a name: all. */
  | { readonly kind: "deallocate" | "close"; readonly name: string | undefined }
  | { readonly kind: "discard" }
  /** It changes names, and which ones cannot be read here. */
  | { readonly kind: "unreadable" };

/** The server keeps so many bytes of a name, whether it comes in a message or in SQL (NAMEDATALEN − 1): longer ones can be the same. */
const nameBytesMax = 63;

/** A name as the server knows it. */
export const nameKey = (name: string): string => (name.length <= nameBytesMax ? name : name.slice(0, nameBytesMax));

const changingWords = /prepare|deallocate|discard|declare|close/i;

/**
 * What the text of a simple query may do to names. Sure to notice, whatever quotes and comments hold: of several statements, any of
 * the words is enough. What functions do out of sight is not seen.
 */
export function changesOfQuery(sql: string): NameChange | undefined {
  if (!changingWords.test(sql)) {
    return undefined;
  }
  return sql.includes(";") ? { kind: "unreadable" } : readNameChange(sql);
}

const tags: Readonly<Record<string, NameChange["kind"] | undefined>> = {
  PREPARE: "prepare",
  DEALLOCATE: "deallocate",
  "DEALLOCATE ALL": "deallocate",
  "DISCARD ALL": "discard",
  "DECLARE CURSOR": "declare",
  "CLOSE CURSOR": "close",
  "CLOSE CURSOR ALL": "close",
};

/** Whether a command tag tells of a change of names. */
export const isNameTag = (tag: string): boolean => Object.hasOwn(tags, tag);

/** What finished statements did to names, by the server's tags. `unreadable` where text and tags do not fit each other. */
export function changesMade(
  sql: string,
  spans: readonly StatementSpan[],
  results: readonly { readonly outcome: string; readonly tag?: string }[],
): readonly NameChange[] {
  // A text of several statements that is not split as the server splits it would lend a name the text of another statement. The
  // meaning of a backslash may have changed since it was split.
  const inStep =
    results.length === spans.length &&
    results.every(({ outcome }) => outcome === "ok") &&
    (spans.length === 1 || !sql.includes("\\"));
  const changes = inStep ? spans.map(({ start, end }) => readNameChange(sql.slice(start, end))) : [];
  return results.flatMap(({ tag }, index) => {
    const kind = tags[tag ?? ""];
    const change = changes[index];
    return kind === undefined ? [] : change?.kind === kind ? [change] : [{ kind: "unreadable" }];
  });
}

/** First letters of PREPARE, DEALLOCATE, DISCARD, DECLARE and CLOSE, in both cases. */
const changingLetters: ReadonlySet<number> = new Set([..."pdcPDC"].map((letter) => letter.charCodeAt(0)));
const [letterA, letterZ] = [0x41, 0x5a];

/** Whether one statement may change names, by its first byte: false where it is a letter that begins none of the words. */
export function mayChangeNames(sql: Uint8Array): boolean {
  const first = (sql[0] ?? 0) & 0xdf;
  return first < letterA || first > letterZ || changingLetters.has(first);
}

/** Reads one statement. Undefined when it changes no name. */
export function readNameChange(sql: string): NameChange | undefined {
  const words = new Words(sql);
  switch (words.next()) {
    case "prepare":
      return readPrepare(sql, words);
    case "declare": {
      const name = words.name();
      return name === undefined ? { kind: "unreadable" } : { kind: "declare", name, sql };
    }
    case "deallocate":
      return readTarget("deallocate", words);
    case "close":
      return readTarget("close", words);
    case "discard":
      return words.next() === "all" ? { kind: "discard" } : undefined;
    default:
      return undefined;
  }
}

function readPrepare(sql: string, words: Words): NameChange {
  const name = words.name();
  let token = words.next();
  // PREPARE TRANSACTION is another statement; nobody can prepare under that name.
  for (let depth = 0; token === "(" || depth > 0; token = words.next()) {
    if (token === "") {
      return { kind: "unreadable" };
    }
    depth += token === "(" ? 1 : token === ")" ? -1 : 0;
    if (depth === 0) {
      token = words.next();
      break;
    }
  }
  return name === undefined || token !== "as"
    ? { kind: "unreadable" }
    : { kind: "prepare", name, sql: sql.slice(words.offset) };
}

function readTarget(kind: "deallocate" | "close", words: Words): NameChange {
  let from = words.offset;
  let token = words.next();
  if (kind === "deallocate" && token === "prepare") {
    from = words.offset;
    token = words.next();
    if (token === "") {
      // DEALLOCATE prepare: the word is the name itself.
      return { kind, name: "prepare" };
    }
  }
  if (token === "all" && words.next() === "") {
    return { kind, name: undefined };
  }
  words.offset = from;
  const name = words.name();
  return name === undefined || words.next() !== "" ? { kind: "unreadable" } : { kind, name };
}

const plainWord = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;
const quotedWord = /"((?:[^"]|"")+)"/y;

/** Goes over the words of one statement. Each character that belongs to no word is one of its own; "" is the end. */
class Words {
  offset = 0;
  readonly #sql: string;

  constructor(sql: string) {
    this.#sql = sql;
  }

  /** Keywords come in lower case; quoted names with their quotes, so that they are none. */
  next(): string {
    this.#skip();
    return (this.#match(plainWord) ?? this.#match(quotedWord) ?? this.#one()).toLowerCase();
  }

  /** A name as the server folds and cuts it; undefined when there is none, or one with Unicode escapes. */
  name(): string | undefined {
    this.#skip();
    const plain = this.#match(plainWord);
    if (plain !== undefined) {
      const escapes = plain.toLowerCase() === "u" && this.#sql.startsWith('&"', this.offset);
      return escapes ? undefined : nameKey(plain.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase()));
    }
    const quoted = this.#match(quotedWord);
    return quoted === undefined ? undefined : nameKey(quoted.slice(1, -1).replaceAll('""', '"'));
  }

  #skip(): void {
    for (let past = this.offset; ; this.offset = past) {
      past = skipQuiet(this.#sql, this.offset);
      if (past === this.offset) {
        return;
      }
    }
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.offset;
    const found = pattern.exec(this.#sql)?.[0];
    this.offset += found?.length ?? 0;
    return found;
  }

  #one(): string {
    const one = this.#sql.charAt(this.offset);
    this.offset += one.length;
    return one;
  }
}
