import { Secret } from "#lib/secret.ts";
import { ContentScan } from "./content.ts";
import { HalfMask } from "./half-mask.ts";
import type { OpenSpan } from "./finders.ts";
import { redactionMark } from "./spans.ts";
import { type SpanSource, StatementStream } from "./statement-stream.ts";

/**
 * So much of what was pushed last is not given out yet: more than any rule of redaction looks ahead, through all depths. Where the
 * quotes of a text do not end, so much of its end can still be taken out, as `redact` takes out all of it.
 */
export const heldCharacters = 64 * 1024;
/** Secrets that are kept to be taken out of the server's messages too. More than one is enough for their quoted pieces to go. */
const removedMax = 64;
const removedCharactersMax = 4_096;
/** Longer contents of literals and comments are left out of a skeleton. */
export const skeletonContentMax = 64;
/** Bounds a skeleton: what is read of it is read at one go. */
export const skeletonBytesMax = 1024 * 1024;

/** What a text is taken for. */
export type StreamedText =
  | { readonly kind: "postgres"; readonly standardConformingStrings: boolean; readonly encoding: string }
  /** A bound value, as `redactValue` takes it. */
  | { readonly kind: "value" };

/** Hears what comes out. All in Latin-1: one character for each byte. */
export interface RedactionOutput {
  /** The next part of the text, without its secrets. */
  readonly text: (part: string) => void;
  /** The next part of the SQL as it came: code, or the content of literals and comments that the skeleton lacks. */
  readonly seen?: (part: string, isContent: boolean) => void;
}

/**
 * Takes the secrets out of a text of any size that passes in pieces of bytes. However it is cut, the same comes out; and the same as
 * from `redactBytes` where all quotes end. Keeps `heldCharacters` and a few KiB more, beside the piece that is pushed.
 */
export class RedactionStream {
  readonly removed: Secret[] = [];
  readonly #source: SpanSource;
  readonly #mask: HalfMask | undefined;
  readonly #output: RedactionOutput;
  /** What was found and is not past, in no order. */
  #spans: OpenSpan[] = [];
  /** Contents of literals and comments that are not past; the last one may go on. */
  #contents: OpenSpan[] = [];
  #held = "";
  #heldFrom = 0;
  #redacted = 0;
  /** Where the stretch ends that is being taken out; −1 for none. */
  #cutEnd = -1;
  #cutText = "";

  constructor(text: StreamedText, output: RedactionOutput) {
    this.#output = output;
    if (text.kind === "value") {
      this.#source = new ContentScan(this.#spans);
    } else {
      const options = { standardStrings: text.standardConformingStrings, heldCharacters };
      this.#source = new StatementStream(this.#spans, options, {
        begins: (from) => this.#contents.push({ start: from, end: Number.POSITIVE_INFINITY }),
        ends: (_from, to) => this.#contentEnds(to),
      });
      this.#mask = HalfMask.of(text.encoding);
    }
  }

  /** How many stretches were taken out. */
  get redacted(): number {
    return this.#redacted;
  }

  /** Bytes that are in memory now. */
  get heldBytes(): number {
    return this.#held.length;
  }

  push(bytes: Uint8Array): void {
    const text = latin1(bytes);
    this.#held += text;
    this.#source.push(this.#mask === undefined ? text : this.#mask.push(text), false);
    const end = this.#heldFrom + this.#held.length - heldCharacters;
    if (end > this.#heldFrom) {
      this.#giveOut(end);
    }
  }

  /** Nothing follows. */
  end(): void {
    this.#source.push(this.#mask?.end() ?? "", true);
    this.#giveOut(this.#heldFrom + this.#held.length);
    this.#keepRemoved();
  }

  #contentEnds(to: number): void {
    const content = this.#contents.at(-1);
    if (content !== undefined) {
      content.end = to;
      if (to - content.start <= skeletonContentMax) {
        this.#contents.pop();
      }
    }
  }

  /** Everything up to `limit`. */
  #giveOut(limit: number): void {
    const begin = this.#heldFrom;
    const held = this.#held;
    this.#giveSeen(limit);
    let at = begin;
    const given = (to: number): string => held.slice(at - begin, to - begin);
    const due = this.#spans.filter(({ start, end }) => start < limit && end > start);
    due.sort((one, other) => one.start - other.start);
    // Those that were begun earlier may have ended since.
    for (const { start, end } of due) {
      if (this.#cutEnd >= 0 && start <= this.#cutEnd) {
        this.#cutEnd = Math.max(this.#cutEnd === Number.POSITIVE_INFINITY ? start : this.#cutEnd, end);
        continue;
      }
      if (this.#cutEnd > at) {
        this.#addCut(given(this.#cutEnd));
        at = this.#cutEnd;
      }
      this.#keepRemoved();
      this.#output.text(given(start) + redactionMark);
      this.#redacted += 1;
      at = start;
      this.#cutEnd = end;
    }
    const cutTo = Math.min(Math.max(this.#cutEnd, at), limit);
    this.#addCut(given(cutTo));
    at = cutTo;
    if (at < limit) {
      this.#output.text(given(limit));
    }
    this.#heldFrom = limit;
    this.#held = held.slice(limit - begin);
    const rest = this.#spans.filter(({ end }) => end >= limit);
    this.#spans.splice(0, this.#spans.length, ...rest);
  }

  #giveSeen(limit: number): void {
    const { seen } = this.#output;
    if (seen === undefined) {
      return;
    }
    const begin = this.#heldFrom;
    let at = begin;
    for (const { start, end } of this.#contents) {
      if (start >= limit) {
        break;
      }
      if (start > at) {
        seen(this.#held.slice(at - begin, start - begin), false);
        at = start;
      }
      const to = Math.min(end, limit);
      if (to > at) {
        seen(this.#held.slice(at - begin, to - begin), true);
        at = to;
      }
    }
    if (at < limit) {
      seen(this.#held.slice(at - begin, limit - begin), false);
    }
    this.#contents = this.#contents.filter(({ end }) => end > limit);
  }

  #addCut(text: string): void {
    if (this.#cutText.length < removedCharactersMax) {
      this.#cutText += text.slice(0, removedCharactersMax - this.#cutText.length);
    }
  }

  #keepRemoved(): void {
    if (this.#cutText !== "" && this.removed.length < removedMax) {
      this.removed.push(new Secret(Buffer.from(this.#cutText, "latin1").toString("utf8")));
    }
    this.#cutText = "";
  }
}

const latin1 = (bytes: Uint8Array): string => Buffer.prototype.latin1Slice.call(bytes, 0, bytes.length);
