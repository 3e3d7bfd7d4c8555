import { overlapCharacters } from "./finders.ts";
import type { Span } from "./spans.ts";

/** A literal in the SQL: what is between its outer quotes; `radix` where it is written in digits. */
interface Part {
  readonly from: number;
  readonly to: number;
  readonly radix: 2 | 16 | undefined;
}

/** Text that literals make together, as the server reads it. Where it stands in the SQL is looked up only for what is found in it. */
export class LiteralText {
  readonly #sql: string;
  readonly #hasEscapes: boolean;
  readonly #parts: Part[] = [];
  #text = "";
  #read = 0;
  #tail = "";
  #tailRead = 0;

  /** `hasEscapes`: a backslash escapes. */
  constructor(sql: string, hasEscapes: boolean) {
    this.#sql = sql;
    this.#hasEscapes = hasEscapes;
  }

  /** Adds a literal in quotes, or one of bytes that are written as digits of 4 bits or 1 bit. */
  add(from: number, to: number, radix?: 2 | 16): void {
    this.#parts.push({ from, to, radix });
  }

  /** It is one literal that says what it shows. */
  get isPlain(): boolean {
    const [first, second] = this.#parts;
    return (
      first !== undefined &&
      second === undefined &&
      first.radix === undefined &&
      !/['"\\]/.test(this.#sql.slice(first.from, first.to))
    );
  }

  /** What the server reads. */
  get text(): string {
    for (; this.#read < this.#parts.length; this.#read += 1) {
      const part = this.#parts[this.#read];
      this.#text += part === undefined ? "" : this.#decode(part);
    }
    return this.#text;
  }

  /** The end of the text, long enough for every rule that looks there. */
  get tail(): string {
    for (; this.#tailRead < this.#parts.length; this.#tailRead += 1) {
      const part = this.#parts[this.#tailRead];
      this.#tail = (this.#tail + (part === undefined ? "" : this.#decode(part))).slice(-overlapCharacters);
    }
    return this.#tail;
  }

  /** Where stretches of the text stand in the SQL. */
  places(spans: readonly Span[]): readonly Span[] {
    const starts = new Map(spans.map(({ start }) => [start, 0]));
    const ends = new Map(spans.map(({ end }) => [end, 0]));
    let offset = 0;
    for (const part of this.#parts) {
      this.#walk(part, (_text, start, end) => {
        if (starts.has(offset)) {
          starts.set(offset, start);
        }
        offset += 1;
        if (ends.has(offset)) {
          ends.set(offset, end);
        }
      });
    }
    return spans
      .filter(({ start, end }) => end > start)
      .map(({ start, end }) => ({ start: starts.get(start) ?? 0, end: ends.get(end) ?? 0 }));
  }

  #decode(part: Part): string {
    const characters: string[] = [];
    this.#walk(part, (character) => characters.push(character));
    return characters.join("");
  }

  #walk(part: Part, found: (character: string, start: number, end: number) => void): void {
    if (part.radix === undefined) {
      this.#walkQuoted(part, found);
    } else {
      walkDigits(this.#sql, part, part.radix, found);
    }
  }

  /** Joined parts, doubled quotes, backslash escapes (MySQL manual, "String Literals"). */
  #walkQuoted({ from, to }: Part, found: (character: string, start: number, end: number) => void): void {
    const sql = this.#sql;
    let quote = sql[from - 1] ?? "'";
    for (let at = from; at < to;) {
      const char = sql.charAt(at);
      const next = sql.charAt(at + 1);
      if (char === quote && next !== quote) {
        // One part ended here; only white space lies before the next one.
        at += 1;
        while (at < to && sql[at] !== "'" && sql[at] !== '"') {
          at += 1;
        }
        quote = sql[at] ?? quote;
        at += 1;
        continue;
      }
      const isEscape = this.#hasEscapes && char === "\\" && at + 1 < to;
      const end = at + (char === quote || isEscape ? 2 : 1);
      found(isEscape ? (controls[next] ?? next) : char, at, end);
      at = end;
    }
  }
}

/** The server fills up the first byte with zeros. */
function walkDigits(
  sql: string,
  { from, to }: Part,
  radix: 2 | 16,
  found: (character: string, start: number, end: number) => void,
): void {
  const perByte = radix === 16 ? 2 : 8;
  for (let at = to - Math.ceil((to - from) / perByte) * perByte; at < to; at += perByte) {
    const start = Math.max(from, at);
    found(String.fromCharCode(Number.parseInt(sql.slice(start, at + perByte), radix) || 0), start, at + perByte);
  }
}

/** Escapes that are another character than the one that is escaped. */
const controls: Readonly<Record<string, string | undefined>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  b: "\b",
  "0": "\0",
  Z: "\u001a",
};
