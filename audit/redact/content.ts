import type { Span } from "./spans.ts";

/**
 * Secrets inside a piece of text that is no SQL of its own: a literal's content (a connection string, a statement for
 * EXECUTE), a comment, a bound value, a server's message.
 */
export interface ContentSecrets {
  readonly spans: readonly Span[];
  /** A secret is about to follow where the text ends or has a placeholder, so that later literals must be taken as it. */
  readonly open: boolean;
}

const name = String.raw`(?:passw(?:or)?d|pwd|passphrase|passcode|secret_access_key|session_token|credentials)`;
/** A quote as it may stand inside a literal: doubled, escaped or plain; or a dollar quote. */
const quote = String.raw`(?:''|\\'|'|\\"|"|\$\w*\$)`;
const startingQuote = new RegExp(`^${quote}`);
/** `password=value` of connection strings (libpq, ODBC, JDBC) and of query strings. */
const assignment = new RegExp(String.raw`${name}[ \t]*=[ \t]*`, "gi");
/** A statement inside the text: `PASSWORD 'x'`, `IDENTIFIED BY 'x'`. */
const connector = String.raw`(?:=>|:=|=|\(|\bto\b|\bas\b)`;
// White space is given to one place only: where two may share it, a run of it is tried in every division.
const nestedStatement = new RegExp(
  String.raw`(?:${name}|\b(?:by|using|as))(?:\s{0,64}${connector}\s{0,64}|\s{0,128})(?:[eEnN]|[uU]&)?(${quote})`,
  "gi",
);
const identified = /identified/i;
const end = String.raw`(?:[eE]?${quote}\s{0,64}$|${quote}?%)`;
const openEnd = new RegExp(
  String.raw`(?:${name}|identified\s{1,64}by)(?:\s{0,192}$|\s{0,128}${end}|\s{0,64}(?:=>|:=|=|\()(?:\s{0,128}$|\s{0,64}${end}))`,
  "i",
);
/** What stands for a value that is given elsewhere: it is no secret itself. */
const placeholder = /^(?:\$\d+|\?|%\w|:\w+)(?=$|[\s;,)&'"])/;

/** Finds them. Text that ends before a value does is a secret to its end. */
export function contentSecrets(text: string): ContentSecrets {
  return { spans: [...assignments(text), ...addresses(text), ...statements(text)], open: openEnd.test(text) };
}

function assignments(text: string): Span[] {
  const spans: Span[] = [];
  for (const match of text.matchAll(assignment)) {
    const start = match.index + match[0].length;
    // What lies in a value that was found is no start of another; it also keeps the time in proportion to the text.
    if (start <= (spans.at(-1)?.end ?? 0)) {
      continue;
    }
    const rest = text.slice(start, start + 64);
    const opening = startingQuote.exec(rest)?.[0];
    if (opening !== undefined) {
      spans.push(quotedSpan(text, start, opening));
    } else if (!placeholder.test(rest)) {
      spans.push({ start, end: valueEnd(text, start, /[?&]/.test(text[match.index - 1] ?? "")) });
    }
  }
  return spans;
}

/** libpq ends an unquoted value at white space that no backslash escapes; a query string's ends at `&`. */
function valueEnd(text: string, start: number, inQuery: boolean): number {
  let at = start;
  for (; at < text.length; at += 1) {
    const char = text[at] ?? "";
    if (char === "\\" && !inQuery) {
      at += 1;
    } else if (/\s/.test(char) || (inQuery && char === "&")) {
      return at;
    }
  }
  return text.length;
}

function quotedSpan(text: string, openingAt: number, opening: string): Span {
  const start = openingAt + opening.length;
  for (let at = start; ;) {
    const end = text.indexOf(opening, at);
    if (end < 0) {
      return { start, end: text.length };
    }
    if (opening.startsWith("$") || !text.startsWith(opening, end + opening.length)) {
      return { start, end };
    }
    at = end + 2 * opening.length;
  }
}

/**
 * `scheme://user:password@host`: libpq and others read the user information up to the last `@` before a slash, so that is
 * what is taken.
 */
function addresses(text: string): Span[] {
  const spans: Span[] = [];
  const authority = /[^\s/'"]*/y;
  for (let mark = text.indexOf("://"); mark >= 0; mark = text.indexOf("://", mark + 3)) {
    authority.lastIndex = mark + 3;
    const found = authority.exec(text)?.[0] ?? "";
    const colon = found.indexOf(":");
    const at = found.lastIndexOf("@");
    if (colon >= 0 && at > colon) {
      spans.push({ start: mark + 3 + colon + 1, end: mark + 3 + at });
    }
  }
  return spans;
}

function statements(text: string): Span[] {
  const spans: Span[] = [];
  const hasIdentified = identified.test(text);
  for (const match of text.matchAll(nestedStatement)) {
    const opening = match[1] ?? "";
    if (match.index < (spans.at(-1)?.end ?? 0)) {
      continue;
    }
    // BY, USING and AS introduce a secret only after IDENTIFIED.
    if (hasIdentified || !/^(?:by|using|as)/i.test(match[0])) {
      spans.push(quotedSpan(text, match.index + match[0].length - opening.length, opening));
    }
  }
  return spans;
}
