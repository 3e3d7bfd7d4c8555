import { coerceError } from "#lib/errors.ts";

/** What a stream of lines tells of its end. */
export interface LineStreamEvents {
  /** The reader went away, or the lines came to their end or failed; called once. */
  readonly onOver: (failure: Error | undefined) => void;
}

/** Characters of lines that go out together: few enough that a reader who stands still holds little, and more than one round of a live tail has. */
export const pieceCharacters = 64 * 1024;

/**
 * Values as newline-delimited JSON. The next value is asked for only when the reader has room, so a slow reader holds back its own
 * stream and fills nobody's memory. Values that are there at once go out in one piece: one for each would cost a frame of HTTP/2, a
 * record of TLS and a turn of the reader's event loop, all of them more than the line in it.
 */
export function lineStream(values: AsyncIterable<unknown>, events: LineStreamEvents): ReadableStream<Uint8Array> {
  const gatherer = new Gatherer(values[Symbol.asyncIterator]());
  const encoder = new TextEncoder();
  let isOver = false;
  const over = (failure?: Error): void => {
    if (!isOver) {
      isOver = true;
      events.onOver(failure);
    }
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { lines, end } = await gatherer.next();
        if (lines !== "") {
          controller.enqueue(encoder.encode(lines));
        }
        if (end !== undefined) {
          // The status line is long gone. An end without an error lets the client resume after the last line that it has.
          over(end.failure);
          controller.close();
        }
      },
      cancel() {
        // The reader is told first, so that a value which is being waited for is given up before the iterator is asked to return.
        over();
        gatherer.return();
      },
    },
    // Nothing is read ahead but the one value that is waited for: a client resumes after the last line that it has.
    { highWaterMark: 0 },
  );
}

interface Gathered {
  readonly lines: string;
  /** There is nothing after these lines; with why, where that is a failure. */
  readonly end?: { readonly failure: Error | undefined };
}

type Outcome = IteratorResult<unknown> | { readonly failure: Error };

/** Takes the values that are there together. */
class Gatherer {
  readonly #iterator: AsyncIterator<unknown>;
  /** The value that is waited for. Never rejects. */
  #pending: Promise<Outcome> | undefined;

  constructor(iterator: AsyncIterator<unknown>) {
    this.#iterator = iterator;
  }

  /** Waits for a value, and takes those that follow it within the same turn of the event loop. Never rejects. */
  async next(): Promise<Gathered> {
    let lines = "";
    let soon: Promise<undefined> | undefined;
    while (lines.length < pieceCharacters) {
      this.#pending ??= this.#iterator.next().catch((error: unknown) => ({ failure: coerceError(error) }));
      const outcome = await (soon === undefined ? this.#pending : Promise.race([this.#pending, soon]));
      if (outcome === undefined) {
        break;
      }
      this.#pending = undefined;
      if ("failure" in outcome) {
        return { lines, end: outcome };
      }
      if (outcome.done === true) {
        return { lines, end: { failure: undefined } };
      }
      try {
        lines += `${JSON.stringify(outcome.value)}\n`;
      } catch (error) {
        return { lines, end: { failure: coerceError(error) } };
      }
      soon ??= new Promise((resolve) => {
        setImmediate(resolve, undefined);
      });
    }
    return { lines };
  }

  return(): void {
    void Promise.resolve(this.#iterator.return?.()).catch(() => {});
  }
}
