import { describe, expect, it } from "vitest";
import type { StatementText } from "#audit/record.ts";
import { skeletonBytesMax } from "#audit/redact/redaction-stream.ts";
import { bytesOfText } from "#audit/text.ts";
import { heldBytesMax, SQLWriter, TextWriter } from "./streamed-texts.ts";

const chunk = 64 * 1024;

function writer() {
  const pieces: StatementText[] = [];
  let last = 0;
  const port = {
    session: "s",
    nextText: () => (last += 1),
    writePiece: (piece: StatementText) => void pieces.push(piece),
  };
  return { port, pieces };
}

const postgres = { kind: "postgres", standardConformingStrings: true, encoding: "UTF8" } as const;

/** Pushes `count` times the same chunk; returns the most that was held at any time. */
function pushAll(text: TextWriter | SQLWriter, parts: Iterable<Buffer>): number {
  let most = 0;
  for (const part of parts) {
    text.push(part);
    most = Math.max(most, text.heldBytes);
  }
  return most;
}

function* repeated(piece: string, bytes: number): Generator<Buffer> {
  const part = Buffer.from(piece.repeat(Math.ceil(chunk / piece.length)));
  for (let sent = 0; sent < bytes; sent += part.length) {
    yield part;
  }
}

describe("memory while a text passes", () => {
  it.each([
    ["one literal", "x".repeat(100)],
    ["many literals", "'abc', "],
    ["literals with trigger words", "'password=geheim options', "],
    ["numbers", "(1, 2, 3), "],
    ["dollar quotes in dollar quotes", "$a$ $b$ password "],
    ["one word", "a"],
    ["white space", "  "],
    ["open addresses", "'://"],
    ["joined literals", "'a'\n"],
  ])("stays below its bound for 3 MiB of %s", (_what, piece) => {
    const { port } = writer();

    const most = pushAll(new SQLWriter(port, postgres, () => false), repeated(piece, 3 * 1024 * 1024));

    expect(most).toBeLessThan(heldBytesMax);
  });

  it("of a value stays below its bound, and every piece is about the size of one", () => {
    const { port, pieces } = writer();
    const text = new TextWriter(port, { kind: "value" }, { binary: true, together: 0 });

    const most = pushAll(text, repeated("\0\x01binary", 8 * 1024 * 1024));
    const { reference } = text.end();

    expect(most).toBeLessThan(heldBytesMax - skeletonBytesMax);
    expect(Math.max(...pieces.map(({ data }) => bytesOfText(data).length))).toBeLessThan(200 * 1024);
    expect(pieces.reduce((sum, { data }) => sum + bytesOfText(data).length, 0)).toBe(reference?.bytes);
  });
});

describe("pieces", () => {
  it("are cut between characters, and only those that are no UTF-8 become bytes", () => {
    const { port, pieces } = writer();
    const text = new TextWriter(port, { kind: "value" }, { binary: false, together: 0 });

    pushAll(text, repeated("é€😀", 1024 * 1024));
    text.push(Buffer.from([0xff]));
    pushAll(text, repeated("é€😀", 1024 * 1024));
    text.end();

    expect(pieces.filter(({ data }) => typeof data !== "string")).toHaveLength(1);
  });

  it("are none for a text that fits its record, and for values that together do not, each is its own text", () => {
    const { port, pieces } = writer();
    const short = new TextWriter(port, { kind: "value" }, { binary: false, together: 0 });
    const crowded = new TextWriter(port, { kind: "value" }, { binary: false, together: 900_000 });

    for (const text of [short, crowded]) {
      text.push(Buffer.alloc(100_000, "v"));
    }

    expect(short.end()).toMatchObject({ text: "v".repeat(100_000), reference: undefined });
    expect(crowded.end()).toMatchObject({ text: "v".repeat(48), reference: { text: 1, bytes: 100_000 } });
    expect(pieces.length).toBeGreaterThan(0);
  });
});
