import { expect, it } from "vitest";
import { fileOperationsMax, inChunks } from "./chunks.ts";

it("does so many at a time, and answers in order", async () => {
  let running = 0;
  let most = 0;
  const items = Array.from({ length: 2 * fileOperationsMax + 1 }, (_, index) => index);

  const answers = await inChunks(items, async (item) => {
    running += 1;
    most = Math.max(most, running);
    await Promise.resolve();
    running -= 1;
    return item * 2;
  });

  expect(most).toBe(fileOperationsMax);
  expect(answers).toEqual(items.map((item) => item * 2));
});
