/** What a piece of SQL is, as far as its colour needs to know. */
export type TokenKind = "keyword" | "string" | "number" | "comment" | "parameter" | "plain";

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
}

/** Colours are for reading, which nobody does of more; the rest is one plain token. */
export const colouredCharactersMax = 20_000;

const words =
  "add all alter analyze and any as asc begin between by call cascade case cast check column commit constraint copy create cross cube current_date current_timestamp database deallocate default delete desc describe distinct do drop else end except execute exists explain false fetch for foreign from full function grant group having if ilike in index inner insert intersect into is join key left like limit listen lock materialized natural not notify null offset on or order outer over partition prepare primary procedure recursive references release replace reset returning revoke right rollback row rows savepoint schema select set show start table temporary then to transaction trigger truncate true union unique update use using vacuum values view when where window with";
const keywords: ReadonlySet<string> = new Set(words.split(" "));

/**
 * One alternative for each kind, tried in this order at each place. An unfinished string or comment reaches to the end. It is a
 * colouring, not a parser: where engines differ (backslashes, `#`), either reading is fine.
 */
const token =
  /(?<comment>--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|(?<string>'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|`[^`]*(?:`|$)|\$(?<tag>[A-Za-z_]*)\$[\s\S]*?(?:\$\k<tag>\$|$))|(?<parameter>\$\d+|[?]|:[A-Za-z_]\w*)|(?<number>\b\d+(?:\.\d+)?(?:e[+-]?\d+)?\b)|(?<word>[A-Za-z_]\w*)/giu;

/** Splits SQL into tokens whose texts together are exactly the SQL. Never fails. */
export function sqlTokens(sql: string): readonly Token[] {
  const coloured = sql.slice(0, colouredCharactersMax);
  const tokens: Token[] = [];
  let plain = "";
  const flush = (): void => {
    if (plain !== "") {
      tokens.push({ kind: "plain", text: plain });
      plain = "";
    }
  };
  let at = 0;
  for (const match of coloured.matchAll(token)) {
    plain += coloured.slice(at, match.index);
    const kind = kindOf(match.groups ?? {});
    if (kind === "plain") {
      plain += match[0];
    } else {
      flush();
      tokens.push({ kind, text: match[0] });
    }
    at = match.index + match[0].length;
  }
  plain += sql.slice(at);
  flush();
  return tokens;
}

function kindOf(groups: Readonly<Record<string, string | undefined>>): TokenKind {
  for (const kind of ["comment", "string", "parameter", "number"] as const) {
    if (groups[kind] !== undefined) {
      return kind;
    }
  }
  return keywords.has((groups["word"] ?? "").toLowerCase()) ? "keyword" : "plain";
}
