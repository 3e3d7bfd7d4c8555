import type { Clock } from "#lib/clock.ts";

/** Settles as `work` does, or rejects with the error that `late` makes once `limitMs` are over. `work` itself goes on, unwatched. */
export function within<T>(clock: Clock, limitMs: number, work: Promise<T>, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(limitMs, () => reject(late()));
    work.then(
      (value) => {
        cancel();
        resolve(value);
      },
      (error: unknown) => {
        cancel();
        reject(error);
      },
    );
  });
}
