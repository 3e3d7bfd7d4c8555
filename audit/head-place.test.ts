import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { HeadFile, headsPath, SharedHeads } from "./head-place.ts";

/** More than are indexed together. */
const many = 2_100;

async function stand() {
  const directory = mkdtempSync(path.join(tmpdir(), "sallyport-heads-"));
  const lines = Array.from({ length: many }, (_, index) => `line ${index + 1} é`);
  appendFileSync(headsPath(directory), `${lines.join("\n")}\nhalf of a li`);
  const file = await HeadFile.open(directory);
  return {
    directory,
    lines,
    file,
    async [Symbol.asyncDispose]() {
      await file.close();
      rmSync(directory, { recursive: true });
    },
  };
}

it("reads a head log by place, from before and since it was opened, and nothing that is not whole", async () => {
  await using stage = await stand();
  const { file, lines, directory } = stage;
  await file.append(many + 1, "one more");
  // As a write that has not ended yet.
  appendFileSync(headsPath(directory), "not yet kept\n");

  expect(await file.newest()).toBe(many + 1);
  for (const after of [0, 1, 998, 999, 1_000, 1_001, 2_000, many - 1, many]) {
    expect(await file.read(after, 2)).toEqual([...lines, "one more"].slice(after, after + 2));
  }
  expect(await file.read(many + 1, 5)).toEqual([]);
});

it("reads the log that replicas share where the store has it, and counts only what is new", async () => {
  await using stage = await stand();
  const asked: number[] = [];
  const log = ["a", "b", "c"];
  const shared = new SharedHeads(
    {
      async *headLines(after = 0) {
        asked.push(after);
        yield* log.slice(after);
      },
      appendHead: () => Promise.resolve(),
    },
    stage.file,
  );

  expect([await shared.newest(), log.push("d"), await shared.newest()]).toEqual([3, 4, 4]);
  expect(await shared.read(1, 2)).toEqual(["b", "c"]);
  expect(asked).toEqual([0, 3, 1]);
});
