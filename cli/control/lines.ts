import { StringDecoder } from "node:string_decoder";

/** The largest record is 15 MiB (audit/record.ts); escapes and parameters at most double it in JSON. */
export const lineCharactersMax = 32 * 1024 * 1024;

/**
 * Cuts bytes into lines without their line ends. What follows the last line end is dropped: a line that was cut off says nothing.
 * Rejects when the bytes do, and for a line beyond `lineCharactersMax`.
 */
export async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, void> {
  const decoder = new StringDecoder("utf8");
  let parts: string[] = [];
  let length = 0;
  for await (const chunk of bytes) {
    const pieces = decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)).split("\n");
    for (const [index, piece] of pieces.entries()) {
      if (index > 0) {
        yield parts.join("");
        parts = [];
        length = 0;
      }
      length += piece.length;
      if (length > lineCharactersMax) {
        throw new Error("a line of the answer is too long");
      }
      parts.push(piece);
    }
  }
}
