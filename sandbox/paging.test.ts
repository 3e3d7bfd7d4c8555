import fc from "fast-check";
import { expect, test } from "vitest";
import { page } from "./paging.ts";

test("pages put together are the list, each full but the last, and none is empty after the first", () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { maxLength: 30 }), fc.integer({ min: 1, max: 10 }), (items, size) => {
      const pages = [page(items, { MaxResults: size })];
      for (let next = pages[0]?.next; next !== undefined; next = pages.at(-1)?.next) {
        pages.push(page(items, { MaxResults: size, NextToken: next }));
      }

      expect(pages.flatMap((one) => one.items)).toEqual(items);
      expect(pages).toHaveLength(Math.max(1, Math.ceil(items.length / size)));
    }),
  );
});

test.each([0, 101, 1.5, "many"])("a page size of %s is refused", (MaxResults) => {
  expect(() => page([], { MaxResults })).toThrow();
});
