import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createHeap } from "./heap.ts";

describe("heap", () => {
  it("gives back what was pushed in order, whatever was moved in between", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50)), fc.array(fc.tuple(fc.nat(), fc.nat(50))), (values, moves) => {
        const heap = createHeap<{ value: number }>((a, b) => a.value < b.value);
        const items = values.map((value) => ({ value }));
        for (const item of items) {
          heap.push(item);
        }
        for (const [index, value] of moves) {
          const item = items[index % Math.max(1, items.length)];
          if (item !== undefined) {
            item.value = value;
            heap.update(item);
          }
        }

        const given = items.map(() => heap.pop()?.value);

        expect(given).toEqual(items.map(({ value }) => value).sort((a, b) => a - b));
        expect(heap.pop()).toBeUndefined();
        expect(heap.size).toBe(0);
      }),
    );
  });

  it("ignores the update of an entry that is no longer in it", () => {
    const heap = createHeap<{ value: number }>((a, b) => a.value < b.value);
    const entry = { value: 1 };
    heap.push(entry);
    heap.pop();

    heap.update(entry);

    expect(heap.size).toBe(0);
  });
});
