import { ContentScan, contentSecrets } from "./content.ts";
import type { OpenSpan } from "./finders.ts";
import { bodyDepthMax, type NamePlace, TokenScan } from "./statement.ts";
import { StreamLexer } from "./stream-lexer.ts";
import type { TokenSink } from "./token-sink.ts";
import { trigger } from "./words.ts";

/** What finds the secrets of a text that passes. */
export interface SpanSource {
  push(piece: string, isLast: boolean): void;
}

/** Hears where the contents of literals and comments lie. */
export interface ContentPlaces {
  begins(from: number): void;
  ends(from: number, to: number): void;
}

/**
 * Finds the secrets of SQL that passes in pieces, as `statementSecrets` does for a whole text: however it is cut, the same is found.
 * Where the text ends inside a token, only its last `heldCharacters` can still be taken out.
 */
export class StatementStream implements SpanSource, TokenSink {
  readonly #spans: OpenSpan[];
  readonly #options: { readonly standardStrings: boolean; readonly heldCharacters: number };
  readonly #offset: number;
  readonly #depth: number;
  readonly #places: ContentPlaces | undefined;
  readonly #lexer: StreamLexer;
  readonly #scan: TokenScan;
  readonly #suspicion = new Suspicion();
  #length = 0;
  /** The literal or comment that is being read. */
  #current: Content | undefined;

  /** `offset` is added to what is found, since a body is a text of its own. */
  constructor(
    spans: OpenSpan[],
    options: { readonly standardStrings: boolean; readonly heldCharacters: number },
    places?: ContentPlaces,
    offset = 0,
    depth = 0,
  ) {
    this.#spans = spans;
    this.#options = options;
    this.#places = places;
    this.#offset = offset;
    this.#depth = depth;
    this.#lexer = new StreamLexer(this, options.standardStrings);
    this.#scan = new TokenScan(({ start, end }) => spans.push({ start: start + offset, end: end + offset }));
  }

  push(piece: string, isLast: boolean): void {
    this.#suspicion.see(piece);
    this.#length += piece.length;
    this.#lexer.push(piece, isLast);
    const { end } = this.#suspicion;
    if (isLast && this.#lexer.isUnterminated && end >= 0) {
      // No server accepts it, or it reads the text differently from us.
      const start = Math.max(end, this.#length - this.#options.heldCharacters);
      this.#spans.push({ start: start + this.#offset, end: this.#length + this.#offset });
    }
  }

  name(kind: "word" | "identifier" | "other", name: string, place: NamePlace): void {
    this.#scan.name(kind, name, place);
  }

  begin(kind: "string" | "comment", { start, from, tag }: { start: number; from: number; tag: string }): void {
    const isSecret = kind === "string" && this.#scan.string(start);
    const at = from + this.#offset;
    const secret = isSecret ? { start: at, end: Number.POSITIVE_INFINITY } : undefined;
    if (secret !== undefined) {
      this.#spans.push(secret);
    }
    this.#places?.begins(at);
    this.#current = new Content(kind, at, secret, this.#spans, tag === "" ? undefined : this.#bodyReader(at));
  }

  content(text: string): void {
    this.#current?.push(text);
  }

  end(to: number, mayGoOn: boolean): void {
    const current = this.#current;
    if (current !== undefined) {
      this.#current = undefined;
      const at = to + this.#offset;
      const opens = current.finish(at);
      this.#places?.ends(current.from, at);
      if (current.kind === "string") {
        this.#scan.stringEnded(opens || (mayGoOn && current.isSecret));
      }
    }
  }

  #bodyReader(at: number): () => SpanSource {
    return () =>
      this.#depth < bodyDepthMax
        ? new StatementStream(this.#spans, this.#options, undefined, at, this.#depth + 1)
        : new DeepBody(this.#spans, at);
  }
}

/** Adds to what is not decided yet, at each of the depths: together they stay below what is held back. */
const pendingCharactersMax = 4_096;

/** The content of one literal or comment. What comes in one piece is mostly harmless, and then cheap. */
class Content {
  readonly kind: "string" | "comment";
  readonly from: number;
  readonly #secret: OpenSpan | undefined;
  readonly #spans: OpenSpan[];
  readonly #body: (() => SpanSource) | undefined;
  #first: string | undefined;
  #pending = "";
  #scan: ContentScan | undefined;
  #bodyScan: SpanSource | undefined;

  constructor(
    kind: "string" | "comment",
    from: number,
    secret: OpenSpan | undefined,
    spans: OpenSpan[],
    body: (() => SpanSource) | undefined,
  ) {
    this.kind = kind;
    this.from = from;
    this.#secret = secret;
    this.#spans = spans;
    this.#body = body;
  }

  get isSecret(): boolean {
    return this.#secret !== undefined;
  }

  push(text: string): void {
    if (this.#first === undefined) {
      this.#first = text;
      return;
    }
    if (this.#scan === undefined) {
      this.#scan = new ContentScan(this.#spans, this.from);
      this.#bodyScan = this.#body?.();
      this.#feed(this.#first, false);
      this.#first = "";
    }
    // Each push has a cost of its own, and joined literals may come as many small parts.
    this.#pending += text;
    if (this.#pending.length >= pendingCharactersMax) {
      this.#feed(this.#pending, false);
    }
  }

  #feed(text: string, isLast: boolean): void {
    this.#pending = "";
    this.#scan?.push(text, isLast);
    this.#bodyScan?.push(text, isLast);
  }

  /** Returns whether a secret follows. */
  finish(to: number): boolean {
    if (this.#secret !== undefined) {
      this.#secret.end = to;
    }
    if (this.#scan !== undefined) {
      this.#feed(this.#pending, true);
      return this.#scan.open && this.#body === undefined;
    }
    const content = this.#first ?? "";
    if (!trigger.test(content)) {
      return false;
    }
    const { spans, open } = contentSecrets(content);
    for (const { start, end } of spans) {
      this.#spans.push({ start: start + this.from, end: end + this.from });
    }
    this.#body?.().push(content, true);
    return open && this.#body === undefined;
  }
}

/** A body that is not followed any deeper: from behind the first suspicious word to its end. */
class DeepBody implements SpanSource {
  readonly #suspicion = new Suspicion();
  readonly #spans: OpenSpan[];
  readonly #offset: number;
  #length = 0;
  #span: OpenSpan | undefined;

  constructor(spans: OpenSpan[], offset: number) {
    this.#spans = spans;
    this.#offset = offset;
  }

  push(piece: string, isLast: boolean): void {
    this.#suspicion.see(piece);
    this.#length += piece.length;
    if (this.#span === undefined && this.#suspicion.end >= 0) {
      this.#span = { start: this.#suspicion.end + this.#offset, end: Number.POSITIVE_INFINITY };
      this.#spans.push(this.#span);
    }
    if (isLast && this.#span !== undefined) {
      this.#span.end = this.#length + this.#offset;
    }
  }
}

/** Longer than any trigger word. */
const wordCharactersMax = 32;

/** Where the first trigger word of a text ends that passes in pieces. */
class Suspicion {
  /** −1 as long as there is none. */
  end = -1;
  #tail = "";
  #seen = 0;

  see(piece: string): void {
    if (this.end >= 0) {
      return;
    }
    const text = this.#tail + piece;
    const found = trigger.exec(text);
    if (found !== null) {
      this.end = this.#seen - this.#tail.length + found.index + found[0].length;
    }
    this.#seen += piece.length;
    this.#tail = text.slice(-wordCharactersMax);
  }
}
