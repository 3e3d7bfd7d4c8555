import fc from "fast-check";
import { expect, it } from "vitest";
import { lineCharactersMax, linesOf } from "./lines.ts";

async function read(chunks: readonly Uint8Array[]): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesOf(ReadableStream.from(chunks) as AsyncIterable<Uint8Array>)) {
    lines.push(line);
  }
  return lines;
}

it("gives the same lines however the bytes are split, inside of characters too", async () => {
  const line = fc.string({ unit: "grapheme" }).map((text) => text.replaceAll("\n", ""));
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.string(), fc.integer({ min: 1, max: 7 }), async (lines, rest, size) => {
      const bytes = Buffer.from([...lines.map((text) => `${text}\n`), rest.replaceAll("\n", "")].join(""));
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
        bytes.subarray(index * size, (index + 1) * size),
      );

      expect(await read(chunks)).toEqual(lines);
    }),
  );
});

it("does not gather a line without end", async () => {
  const chunk = Buffer.alloc(lineCharactersMax / 2 + 1, "x");

  await expect(read([chunk, chunk])).rejects.toThrow("too long");
});
