import { contentSecrets } from "./content.ts";
import { openAtEnd } from "./finders.ts";
import { lex, type LexerOptions, type Token } from "./lexer.ts";
import { commentReadings } from "./mysql-comments.ts";
import { LiteralText } from "./mysql-literal.ts";
import type { Span } from "./spans.ts";
import { bodyDepthMax, fromTrigger, takeToken, TokenScan } from "./statement.ts";
import { trigger } from "./words.ts";

/**
 * Characters that are read of one text in more than one way, or once more because they are SQL inside of a literal: reading goes at some
 * 20 MB a second, and nothing else happens meanwhile. What is beyond is taken out from the first suspicious word on.
 */
export const readAgainCharactersMax = 16 * 1024 * 1024;

/** What may still be read once more. */
interface Budget {
  left: number;
}

/**
 * Finds the secrets of one or more statements of MySQL or MariaDB: all that are one in any way to read its executable comments. Text that
 * a statement runs (PREPARE, EXECUTE IMMEDIATE) is read too, as far as it stands in literals.
 */
export function mysqlSecrets(
  sql: string,
  options: LexerOptions,
  depth = 0,
  budget: Budget = { left: readAgainCharactersMax },
): Span[] {
  if (depth > bodyDepthMax) {
    return fromTrigger(sql);
  }
  // The server that reads a text reads what is inside of it.
  const readings = options.runs === undefined ? commentReadings(sql) : [options.runs];
  if (readings === "unreadable") {
    return fromTrigger(sql);
  }
  const spans: Span[] = [];
  for (const [index, runs] of readings.entries()) {
    budget.left -= index === 0 && depth === 0 ? 0 : sql.length;
    if (budget.left < 0) {
      return [...spans, ...fromTrigger(sql)];
    }
    new Reader(sql, { ...options, runs }, depth, budget, spans).read();
  }
  return spans;
}

/** Reads one text in one way. */
class Reader {
  readonly #sql: string;
  readonly #options: LexerOptions;
  readonly #depth: number;
  readonly #budget: Budget;
  readonly #spans: Span[];
  readonly #scan: TokenScan;
  /** The last two names, comments left out. */
  #previous = "";
  #beforePrevious = "";
  /** Literals that are one, since nothing but comments lies between. */
  #joined: { readonly text: LiteralText; readonly isSecret: boolean } | undefined;
  /** All literals of the text that is run. */
  #run: LiteralText | undefined;

  constructor(sql: string, options: LexerOptions, depth: number, budget: Budget, spans: Span[]) {
    this.#sql = sql;
    this.#options = options;
    this.#depth = depth;
    this.#budget = budget;
    this.#spans = spans;
    this.#scan = new TokenScan((span) => spans.push(span));
  }

  read(): void {
    for (const token of lex(this.#sql, "mysql", this.#options)) {
      if (!token.terminated && trigger.test(this.#sql)) {
        // No server accepts it, or it reads the text differently from us. Either way nothing can be told apart any more.
        this.#spans.push(...fromTrigger(this.#sql));
        return;
      }
      this.#take(token);
    }
    this.#endJoined();
    this.#endRun();
  }

  #take(token: Token): void {
    if (token.kind === "string") {
      this.#takeString(token);
      return;
    }
    if (token.kind !== "comment") {
      this.#endJoined();
      this.#takeName(token);
    }
    takeToken(this.#scan, this.#sql, token, this.#spans, () => []);
  }

  #takeString(token: Token): void {
    const { from, to } = token;
    const before = this.#spans.length;
    if (this.#run !== undefined && openAtEnd.test(this.#run.tail)) {
      this.#scan.stringEnded(true);
    }
    takeToken(this.#scan, this.#sql, token, this.#spans, () => []);
    const isSecret =
      this.#joined?.isSecret === true ||
      this.#spans.slice(before).some((span) => span.start === from && span.end === to);
    if (this.#joined?.isSecret === true) {
      this.#spans.push({ start: from, end: to });
    }
    this.#joined = { text: this.#joined?.text ?? this.#newText(), isSecret };
    this.#joined.text.add(from, to, this.#radix);
    this.#run?.add(from, to, this.#radix);
    this.#remember("");
  }

  #newText(): LiteralText {
    return new LiteralText(this.#sql, !this.#options.noBackslashEscapes);
  }

  /** The prefix of a literal in digits is a word of its own. */
  get #radix(): 2 | 16 | undefined {
    return this.#previous === "x" ? 16 : this.#previous === "b" ? 2 : undefined;
  }

  #takeName({ kind, start, end, from, to }: Token): void {
    const name = to - from > nameCharactersMax ? "" : this.#sql.slice(from, to).toLowerCase();
    const isRunner =
      (this.#previous === "execute" && name === "immediate") || (this.#beforePrevious === "prepare" && name === "from");
    if (isRunner && kind === "word") {
      this.#endRun();
      this.#run = this.#newText();
    } else if (name === ";") {
      this.#endRun();
    } else if (this.#run !== undefined && kind === "word") {
      const digits = digitsLiteral.exec(this.#sql.slice(start, end));
      if (digits !== null) {
        this.#run.add(start + 2, end, digits[1]?.toLowerCase() === "b" ? 2 : 16);
      }
    }
    this.#remember(name);
  }

  #remember(name: string): void {
    this.#beforePrevious = this.#previous;
    this.#previous = name;
  }

  #endJoined(): void {
    const joined = this.#joined;
    this.#joined = undefined;
    if (joined !== undefined && !joined.text.isPlain && trigger.test(joined.text.text)) {
      const { spans, open } = contentSecrets(joined.text.text);
      this.#found(joined.text, spans);
      this.#scan.stringEnded(open);
    }
  }

  #endRun(): void {
    const run = this.#run;
    this.#run = undefined;
    if (run !== undefined && trigger.test(run.text)) {
      this.#found(run, contentSecrets(run.text).spans);
      this.#found(run, mysqlSecrets(run.text, this.#options, this.#depth + 1, this.#budget));
    }
  }

  #found(text: LiteralText, spans: readonly Span[]): void {
    if (spans.length > 0) {
      this.#spans.push(...text.places(spans));
    }
  }
}

/** No name that matters here is longer, and literals of digits are not looked at as names. */
const nameCharactersMax = 64;
const digitsLiteral = /^0([xb])[0-9a-f]+$/i;
