import { coerceError } from "#lib/errors.ts";

/** What a stream of lines tells of its end. */
export interface LineStreamEvents {
  /** The reader went away, or the lines came to their end or failed; called once. */
  readonly onOver: (failure: Error | undefined) => void;
}

/**
 * Values as newline-delimited JSON. The next value is asked for only when the reader has room, so a slow reader holds back its own
 * stream and fills nobody's memory.
 */
export function lineStream(values: AsyncIterable<unknown>, events: LineStreamEvents): ReadableStream<Uint8Array> {
  const iterator = values[Symbol.asyncIterator]();
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
        try {
          const next = await iterator.next();
          if (next.done === true) {
            over();
            controller.close();
          } else {
            controller.enqueue(encoder.encode(`${JSON.stringify(next.value)}\n`));
          }
        } catch (error) {
          // The status line is long gone. An end without an error lets the client resume after the last line that it has.
          over(coerceError(error));
          controller.close();
        }
      },
      cancel() {
        // The reader is told first, so that a value which is being waited for is given up before the iterator is asked to return.
        over();
        void Promise.resolve(iterator.return?.()).catch(() => {});
      },
    },
    // Nothing is read ahead: what was read and not delivered would be lost to a client that resumes elsewhere.
    { highWaterMark: 0 },
  );
}
