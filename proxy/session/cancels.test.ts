import { expect, it } from "vitest";
import { Cancels } from "./cancels.ts";

it("of many requests at once one is sent, and one more after it", async () => {
  const cancels = new Cancels();
  const sent: (() => void)[] = [];
  const send = (): Promise<void> => new Promise((resolve) => sent.push(resolve));

  const all = Array.from({ length: 20 }, () => cancels.ask(send));
  expect(sent).toHaveLength(1);
  sent[0]?.();
  await all[0];
  await Promise.resolve();
  await new Promise(setImmediate);
  expect(sent).toHaveLength(2);
  sent[1]?.();
  await Promise.all(all);

  expect(sent).toHaveLength(2);
});

it("a request that fails lets the next one go", async () => {
  const cancels = new Cancels();

  const first = cancels.ask(() => Promise.reject(new Error("no")));
  const second = cancels.ask(() => Promise.resolve());

  await expect(first).rejects.toThrow("no");
  await second;
});
