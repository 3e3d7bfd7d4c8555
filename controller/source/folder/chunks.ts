/**
 * File operations under way at a time. Each waits for a thread of the pool or for a network file system; one at a time, a
 * folder of thousands of files takes seconds, and beyond a few dozen nothing is won.
 */
export const fileOperationsMax = 32;

/** `act` on all items, so many at a time, answers in their order. */
export async function inChunks<T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += fileOperationsMax) {
    results.push(...(await Promise.all(items.slice(start, start + fileOperationsMax).map(act))));
  }
  return results;
}
