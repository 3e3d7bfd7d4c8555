import { maskedVariants, maskPairs } from "./double-byte.ts";
import { SqlTokens, type QuoteMode } from "./sql-tokens.ts";

/** What the server's reading of a text depends on, as far as it is known. */
export interface TextMode extends QuoteMode {
  /** character_set_client, as MySQL names it; absent: one without characters that hold quotes. */
  readonly charset?: string;
  /** Whose executable comments are code; absent where the server's version is not known. */
  readonly server?: ServerVersion | undefined;
}

/** MySQL's own way to number versions: 8.0.36 is 80036. */
export interface ServerVersion {
  readonly number: number;
  readonly isMariaDB: boolean;
}

/** One way to read a text: same length, comments that are no code blanked. */
export interface Reading {
  readonly text: string;
  readonly mode: QuoteMode;
}

/** Whether a server runs what is in an executable comment: of `version` (undefined: none given), `forMariaDB` where it says `M`. */
export type Runs = (version: number | undefined, forMariaDB: boolean) => boolean;

/** All readings of one text together: lexing goes at about 100 MB a second, and nothing else happens meanwhile. */
export const readingsBytesMax = 32 * 1024 * 1024;
/** Texts with more versions than this are read as if all, and as if none of them were code. */
const versionsMax = 8;
const executable = /\/\*(M?)!(\d{5,6})?/g;

/** Of a server's version, as its greeting spells it; undefined where it cannot be read. */
export function serverVersion(version: string, isMariaDB: boolean): ServerVersion | undefined {
  const [, major, minor, patch] = /^(?:5\.5\.5-)?(\d+)\.(\d+)\.(\d+)/.exec(version) ?? [];
  return major === undefined
    ? undefined
    : { number: Number(major) * 10_000 + Number(minor) * 100 + Number(patch), isMariaDB };
}

/** As the server at hand is known to read it. */
export function mainReading(text: string, mode: TextMode): Reading {
  const masked = maskPairs(text, mode.charset ?? "");
  const { server } = mode;
  return { text: server === undefined ? masked : withoutSkipped(masked, mode, runsOf(server)), mode };
}

/**
 * All the ways in which the server may read it: what is known of it may be wrong, since statements change it where nobody sees, earlier
 * ones of the same text too, and a pooler may greet with another version than its server's. Mostly there is just one. `isWhole` is false
 * when there are more than may be looked at.
 */
export function readingsOf(
  text: string,
  mode: TextMode,
): { readonly readings: readonly Reading[]; readonly isWhole: boolean } {
  const modes = modesOf(text, mode);
  const comments = commentsOf(text, mode.server);
  const readings: Reading[] = [];
  for (const masked of maskedVariants(text, mode.charset ?? "")) {
    for (const quotes of modes) {
      for (const runs of comments) {
        if (readings.length > 0 && (readings.length + 1) * text.length > readingsBytesMax) {
          return { readings, isWhole: false };
        }
        readings.push({ text: runs === undefined ? masked : withoutSkipped(masked, quotes, runs), mode: quotes });
      }
    }
  }
  return { readings, isWhole: true };
}

function modesOf(text: string, { noBackslashEscapes, ansiQuotes }: QuoteMode): QuoteMode[] {
  const modes: QuoteMode[] = [{ noBackslashEscapes, ansiQuotes }];
  if (!text.includes("\\")) {
    return modes;
  }
  // The server tells of NO_BACKSLASH_ESCAPES in each answer; MySQL of ANSI_QUOTES in none.
  if (/sql_mode|execute|prepare/i.test(text)) {
    modes.push({ noBackslashEscapes: !noBackslashEscapes, ansiQuotes });
  }
  return text.includes('"') ? modes.flatMap((mode) => [mode, { ...mode, ansiQuotes: !mode.ansiQuotes }]) : modes;
}

function commentsOf(text: string, server: ServerVersion | undefined): readonly (Runs | undefined)[] {
  const marks = [...text.matchAll(executable)];
  if (marks.length === 0) {
    return [undefined];
  }
  const versions = new Set(marks.flatMap(([, , version]) => (version === undefined ? [] : [Number(version)])));
  const limits = [-1, ...(versions.size > versionsMax ? [Infinity] : versions)];
  return [
    ...(server === undefined ? [] : [runsOf(server)]),
    ...limits.flatMap((limit) =>
      [true, false].map(
        (isMariaDB): Runs =>
          (version, forMariaDB) =>
            (version ?? -1) <= limit && (!forMariaDB || isMariaDB),
      ),
    ),
  ];
}

/** MariaDB leaves out what is for MySQL from 5.7 on (MariaDB, "Comment Syntax"). */
function runsOf({ number, isMariaDB }: ServerVersion): Runs {
  return (version = 0, forMariaDB) =>
    version <= number &&
    (!forMariaDB || isMariaDB) &&
    (!isMariaDB || forMariaDB || version < 50_700 || version > 99_999);
}

function withoutSkipped(text: string, mode: QuoteMode, runs: Runs): string {
  if (text.search(executable) < 0) {
    return text;
  }
  const tokens = new SqlTokens(text, mode, { runs });
  while (tokens.kind !== "end") {
    tokens.next();
  }
  let result = "";
  let at = 0;
  for (const { start, end } of tokens.skipped) {
    result += text.slice(at, start) + " ".repeat(end - start);
    at = end;
  }
  return result + text.slice(at);
}
