import { expect, test } from "vitest";
import { eventually, eventuallyWorks } from "./process.ts";

test("what fails before it works has worked", async () => {
  let attempts = 0;

  const value = await eventuallyWorks("the third works", () => {
    attempts += 1;
    if (attempts < 3) {
      throw new Error("not yet");
    }
    return attempts;
  });

  expect(value).toBe(3);
});

test("what never works is told with its last failure", async () => {
  const failing = eventuallyWorks("it answers", () => Promise.reject(new Error("connection refused")), 0);

  await expect(failing).rejects.toThrow("it answers (Error: connection refused): not within 0 s");
});

test("a check that fails ends the wait at once where failing is not part of waiting", async () => {
  const failing = eventually("it answers", () => Promise.reject(new Error("no such thing")));

  await expect(failing).rejects.toThrow("no such thing");
});
