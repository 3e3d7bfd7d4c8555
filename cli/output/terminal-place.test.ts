import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { terminalPlace } from "./terminal-place.ts";

it.each([
  ["front", "4711 (node) S 1 4711 4700 34816 4711 4194304 0", "front"],
  ["back", "4711 (node) S 1 4711 4700 34816 4700 4194304 0", "back"],
  ["without a terminal", "4711 (node) S 1 4711 4700 0 -1 4194304 0", "none"],
  ["under a name that looks like the fields after it", "4711 (a) S 1 2 3 4 2 (b) S 1 4711 4700 34816 4700 4", "back"],
  ["where the list is another one", "not what Linux writes", undefined],
])("a process is seen %s", (_, stat, place) => {
  const folder = mkdtempSync(path.join(tmpdir(), "sallyport-stat-"));
  const file = path.join(folder, "stat");
  writeFileSync(file, stat);

  expect(terminalPlace(file)).toBe(place);
  rmSync(folder, { recursive: true });
  expect(terminalPlace(file)).toBeUndefined();
});
