import { describe, expect, it } from "vitest";
import { logMaxCharacters, TaskLog } from "./task-log.ts";

describe("TaskLog", () => {
  it("gives lines when they are complete, each stream for itself", () => {
    const log = new TaskLog();

    expect(log.add("stdout", "one\ntw")).toEqual(["one"]);
    expect(log.add("stderr", "oops\n")).toEqual(["oops"]);
    expect(log.add("stdout", "o\n")).toEqual(["two"]);
    expect(log.text).toBe("one\ntwoops\no\n");
  });

  it("keeps the newest part when there is more than it keeps", () => {
    const log = new TaskLog();

    log.add("stdout", "x".repeat(logMaxCharacters));
    log.add("stdout", "end");

    expect(log.text).toHaveLength(logMaxCharacters);
    expect(log.text.endsWith("xend")).toBe(true);
  });
});
