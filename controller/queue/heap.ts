/** A binary min-heap whose entries know where they are, so that one can be moved or removed in O(log n). */
export interface Heap<T> {
  /** The smallest entry. */
  peek(): T | undefined;
  /** Takes the smallest entry out. */
  pop(): T | undefined;
  push(entry: T): void;
  /** Puts `entry`, which is in the heap, where it belongs after its order changed. */
  update(entry: T): void;
  readonly size: number;
  /** All entries, in no order. */
  entries(): Iterable<T>;
}

/** An empty heap ordered by `before`. */
export function createHeap<T extends object>(before: (a: T, b: T) => boolean): Heap<T> {
  const items: T[] = [];
  const places = new Map<T, number>();

  const put = (entry: T, index: number): void => {
    items[index] = entry;
    places.set(entry, index);
  };
  const rise = (entry: T, from: number): number => {
    let index = from;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = items[parentIndex] as T;
      if (!before(entry, parent)) {
        break;
      }
      put(parent, index);
      index = parentIndex;
    }
    put(entry, index);
    return index;
  };
  const sink = (entry: T, from: number): void => {
    let index = from;
    for (;;) {
      const left = 2 * index + 1;
      const right = left + 1;
      const smaller = right < items.length && before(items[right] as T, items[left] as T) ? right : left;
      if (smaller >= items.length || !before(items[smaller] as T, entry)) {
        break;
      }
      put(items[smaller] as T, index);
      index = smaller;
    }
    put(entry, index);
  };

  return {
    peek: () => items[0],
    pop() {
      const top = items[0];
      const last = items.pop();
      if (top === undefined || last === undefined) {
        return undefined;
      }
      places.delete(top);
      if (last !== top) {
        sink(last, 0);
      }
      return top;
    },
    push(entry) {
      rise(entry, items.length);
    },
    update(entry) {
      const index = places.get(entry);
      if (index !== undefined) {
        sink(entry, rise(entry, index));
      }
    },
    get size() {
      return items.length;
    },
    entries: () => items.values(),
  };
}
