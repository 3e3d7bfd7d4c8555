import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, it } from "vitest";
import { stateFile } from "#controller/state/sqlite.ts";
import { judgeCluster, judgeState } from "./conformance.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "sallyport-conformance-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const condition = {
  type: "Ready",
  status: "True",
  reason: "Fine",
  message: "",
  lastTransitionTime: "2026-01-01T00:00:00Z",
};
const bad = { kind: "Proxy", metadata: { name: "main", generation: 1 }, status: { conditions: [condition] } };

it("sees a status that tools cannot read in a state directory, and none where there is no state", () => {
  judgeState(folder);
  const db = new DatabaseSync(stateFile(folder));
  db.exec("CREATE TABLE object (object TEXT NOT NULL)");
  db.prepare("INSERT INTO object VALUES (?)").run(JSON.stringify(bad));
  db.close();

  expect(() => judgeState(folder)).toThrow(/every condition says which generation/);
});

it("sees it in a cluster", async () => {
  const answer = (status: number) => async () => ({ status, body: { items: [bad] } });

  await judgeCluster(answer(404));
  await expect(judgeCluster(answer(200))).rejects.toThrow(/Proxy main/);
});
