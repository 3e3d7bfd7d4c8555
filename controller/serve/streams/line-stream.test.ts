import { describe, expect, it } from "vitest";
import { lineStream, pieceCharacters } from "./line-stream.ts";

describe("a stream of lines", () => {
  it("gives lines that are there together in one piece, and waits for none that is not there yet", async () => {
    const later = Promise.withResolvers<void>();
    async function* values(): AsyncGenerator<number> {
      yield* [1, 2, 3];
      await later.promise;
      yield* [4, 5];
    }
    const { reader, ends } = read(values());

    const first = await reader.next();
    const second = reader.next();
    later.resolve();

    expect([first, await second]).toEqual(["1\n2\n3\n", "4\n5\n"]);
    expect(await reader.next()).toBeUndefined();
    expect(ends).toEqual([undefined]);
  });

  it("takes no more at once than a piece holds, though there is no end of it", async () => {
    let given = 0;
    async function* values(): AsyncGenerator<string> {
      for (;;) {
        given += 1;
        yield "x".repeat(1_000);
      }
    }
    const { reader } = read(values());

    const piece = await reader.next();

    expect(piece?.length).toBeLessThan(pieceCharacters + 1_010);
    expect(given).toBe(Math.ceil(pieceCharacters / 1_003));
    await reader.cancel();
  });

  it("gives what came before a failure, and tells of the failure once", async () => {
    async function* values(): AsyncGenerator<number> {
      yield 1;
      throw new Error("the store is gone");
    }
    const { reader, ends } = read(values());

    const pieces = [await reader.next(), await reader.next()];

    expect(pieces).toEqual(["1\n", undefined]);
    expect(ends.map((end) => end?.message)).toEqual(["the store is gone"]);
  });

  it("gives its source back when the reader goes while a value is waited for", async () => {
    const gone = Promise.withResolvers<void>();
    const returned = Promise.withResolvers<void>();
    async function* values(): AsyncGenerator<number> {
      try {
        yield 1;
        await gone.promise;
      } finally {
        returned.resolve();
      }
    }
    const { reader, ends } = read(values(), () => gone.resolve());

    await reader.next();
    const waiting = reader.next();
    await reader.cancel();

    await returned.promise;
    expect(await waiting).toBeUndefined();
    expect(ends).toEqual([undefined]);
  });
});

/** Reads a stream piece by piece, as text; undefined at its end. `ends` is what `onOver` was told. */
function read(
  values: AsyncIterable<unknown>,
  onOver: () => void = () => {},
): {
  readonly reader: { next(): Promise<string | undefined>; cancel(): Promise<void> };
  readonly ends: readonly (Error | undefined)[];
} {
  const ends: (Error | undefined)[] = [];
  const stream = lineStream(values, {
    onOver(failure) {
      ends.push(failure);
      onOver();
    },
  });
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  return {
    reader: {
      async next() {
        const { value } = await reader.read();
        return value === undefined ? undefined : decoder.decode(value);
      },
      cancel: () => reader.cancel(),
    },
    ends,
  };
}
