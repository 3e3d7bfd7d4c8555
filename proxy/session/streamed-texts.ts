import { LargeText, inlineCharactersMax, inlineTogetherMax, previewCharacters } from "#audit/large-text.ts";
import type { StatementText } from "#audit/record.ts";
import { RedactionStream, skeletonBytesMax, type StreamedText } from "#audit/redact/redaction-stream.ts";
import { textOf, type Text } from "#audit/text.ts";
import type { StartedText } from "./statement.ts";

/*
 * What one session keeps of a text that passes: what redaction holds back (72 KiB), what may still stay in the record (192 KiB) or the
 * piece that is being filled (96 KiB), and of SQL its skeleton (1 MiB). `heldBytesMax` bounds all of it.
 */
export const heldBytesMax = 1.5 * 1024 * 1024;

/** Bytes of a text that stays in its record: no more characters than `inlineCharactersMax`, in base64 too. */
const inlineBytesMax = (inlineCharactersMax / 4) * 3;
/** Bytes of one piece: `pieceCharacters` of base64. */
const pieceBytes = 96 * 1024;
/** No word that a judge looks for is longer. */
const tailCharacters = 64;

/** What writes pieces: the session's recorder. */
export interface PieceWriter {
  readonly session: string;
  nextText(): number;
  /** `onLost` is called where there is no room for it and policy goes on. */
  writePiece(piece: StatementText, onLost: () => void): void;
}

/** Takes a text of any size piece by piece, redacts it and writes it down; what is short is only kept for the record. */
export class TextWriter {
  readonly #writer: PieceWriter;
  readonly #binary: boolean;
  readonly #inlineMax: number;
  readonly #previewBytes: number;
  protected readonly redaction: RedactionStream;
  #parts: Buffer[] = [];
  #bytes = 0;
  #large: LargeText | undefined;
  #preview: Buffer | undefined;
  #isLost = false;
  readonly #onLost = (): void => {
    this.#isLost = true;
  };

  constructor(
    writer: PieceWriter,
    text: StreamedText,
    options: { readonly binary: boolean; readonly together: number },
    seen?: (part: string, isContent: boolean) => void,
  ) {
    this.#writer = writer;
    this.#binary = options.binary;
    this.#previewBytes = text.kind === "value" ? (previewCharacters.parameter / 4) * 3 : previewCharacters.sql;
    const hasRoom = (options.together + inlineBytesMax) * 2 <= inlineTogetherMax;
    this.#inlineMax = hasRoom ? inlineBytesMax : this.#previewBytes;
    this.redaction = new RedactionStream(text, {
      text: (part) => this.#add(Buffer.from(part, "latin1")),
      ...(seen === undefined ? {} : { seen }),
    });
  }

  /** Bytes that are in memory now. */
  get heldBytes(): number {
    return this.#bytes + this.redaction.heldBytes;
  }

  push(bytes: Buffer): void {
    this.redaction.push(bytes);
  }

  end(): StartedText {
    this.redaction.end();
    const { redacted, removed } = this.redaction;
    if (this.#large === undefined) {
      const text = this.#textOf(Buffer.concat(this.#parts));
      return { text, reference: undefined, isLost: false, redacted, removed };
    }
    const last = Buffer.concat(this.#parts);
    this.#write(this.#large.end(this.#textOf(last)));
    const text = this.#textOf(this.#preview ?? last);
    return { text, reference: this.#large.reference, isLost: this.#isLost, redacted, removed };
  }

  #add(bytes: Buffer): void {
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
    if (this.#large === undefined && this.#bytes > this.#inlineMax) {
      this.#large = new LargeText(this.#writer.session, this.#writer.nextText());
      const whole = Buffer.concat(this.#parts);
      this.#preview = Buffer.from(whole.subarray(0, this.#boundary(whole, this.#previewBytes)));
    }
    if (this.#large !== undefined && this.#bytes > 2 * pieceBytes) {
      this.#writePieces(this.#large);
    }
  }

  #writePieces(large: LargeText): void {
    let rest = Buffer.concat(this.#parts);
    while (rest.length > pieceBytes + 4) {
      const end = this.#boundary(rest, pieceBytes);
      this.#write(large.piece(this.#textOf(rest.subarray(0, end))));
      rest = rest.subarray(end);
    }
    this.#parts = [Buffer.from(rest)];
    this.#bytes = rest.length;
  }

  #write(piece: StatementText): void {
    if (!this.#isLost) {
      this.#writer.writePiece(piece, this.#onLost);
    }
  }

  #textOf(bytes: Buffer): Text {
    return this.#binary ? { base64: bytes.toString("base64") } : textOf(bytes);
  }

  /** At most `at`, and between two characters of UTF-8. */
  #boundary(bytes: Buffer, at: number): number {
    let end = Math.min(at, bytes.length);
    for (
      let back = 0;
      !this.#binary && back < 3 && end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80;
      back += 1
    ) {
      end -= 1;
    }
    return end;
  }
}

/** The same for SQL, of which a skeleton is kept to be analysed. */
export class SQLWriter {
  readonly #writer: TextWriter;
  readonly #isSuspicious: (sql: Buffer) => boolean;
  #skeleton: Buffer[] = [];
  #skeletonBytes = 0;
  #tail = "";
  readonly #unread = { isCut: false, isSuspicious: false, hasBackslash: false };

  /** `isSuspicious`: whether a judge would look closer at such text. */
  constructor(writer: PieceWriter, text: StreamedText, isSuspicious: (sql: Buffer) => boolean) {
    this.#isSuspicious = isSuspicious;
    this.#writer = new TextWriter(writer, text, { binary: false, together: 0 }, (part, isContent) =>
      this.#see(part, isContent),
    );
  }

  get heldBytes(): number {
    return this.#writer.heldBytes + this.#skeletonBytes;
  }

  push(bytes: Buffer): void {
    this.#writer.push(bytes);
  }

  end(): StartedText & {
    readonly skeleton: Buffer;
    readonly unread: Readonly<{ isCut: boolean; isSuspicious: boolean; hasBackslash: boolean }>;
  } {
    const written = this.#writer.end();
    return { ...written, skeleton: Buffer.concat(this.#skeleton), unread: this.#unread };
  }

  #see(part: string, isContent: boolean): void {
    this.#unread.hasBackslash ||= part.includes("\\");
    if (!isContent && this.#skeletonBytes + part.length <= skeletonBytesMax && !this.#unread.isCut) {
      this.#skeleton.push(Buffer.from(part, "latin1"));
      this.#skeletonBytes += part.length;
      this.#tail = "";
      return;
    }
    this.#unread.isCut ||= !isContent;
    if (!this.#unread.isSuspicious) {
      const text = this.#tail + part;
      this.#unread.isSuspicious = this.#isSuspicious(Buffer.from(text, "latin1"));
      // A word that is cut in two must not look like one that begins there.
      this.#tail = text.slice(-tailCharacters).replace(/^\w+(?=\W)/, "");
    }
  }
}
