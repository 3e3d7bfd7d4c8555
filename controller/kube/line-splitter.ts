import { StringDecoder } from "node:string_decoder";
import { KubeFailure } from "./failure.ts";

/**
 * Longest line of a watch, in characters. etcd takes 1.5 MiB for one object (`--max-request-bytes`), which JSON's escapes may
 * lengthen sixfold; what is longer is no event.
 */
export const lineCharactersMax = 16 * 1024 * 1024;

/**
 * The lines of a stream of bytes, without their newlines; empty ones are left out. Rejects where the stream ends within a line:
 * half an event must never pass for none.
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, most = lineCharactersMax): AsyncGenerator<string> {
  const decoder = new StringDecoder("utf8");
  const pending: string[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    const parts = decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)).split("\n");
    const rest = parts.pop() ?? "";
    for (const part of parts) {
      const line = pending.join("") + part;
      pending.length = 0;
      length = 0;
      if (line.length > most) {
        throw tooLong(most);
      }
      if (line !== "") {
        yield line;
      }
    }
    pending.push(rest);
    length += rest.length;
    if (length > most) {
      throw tooLong(most);
    }
  }
  if (length > 0) {
    throw new KubeFailure("unavailable", "the watch ended within a line", { reason: "CutLine" });
  }
}

function tooLong(most: number): KubeFailure {
  return new KubeFailure("unavailable", `a line of the watch is longer than ${most} characters`, { reason: "TooLong" });
}
