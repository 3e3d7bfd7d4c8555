import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { StoredTrail } from "../event/stored-trail.ts";
import { endBody, openBody, startBody } from "../testing/bodies.ts";
import { testChain, wholeSession } from "../testing/chains.ts";
import { StoreEngine } from "./engine.ts";
import { checkIndex } from "./index-check.ts";

let folder: string;
let store: StoreEngine;

beforeEach(async () => {
  folder = mkdtempSync(`${tmpdir()}/index-`);
  const clock = manualClock();
  store = new StoreEngine({ kind: "sqlite", path: `${folder}/audit.db`, mode: "write" });
  const ingest = (proxy: string, task: string, records: readonly Uint8Array[]) =>
    store.ingest(proxy, task, records, clock.now());
  const chain = testChain();
  const hazard = { sql: "alter role a\0\ud800b", notices: ["hazard:credential-change"] };
  ingest("default/main", "t1", chain.write(...wholeSession("a", 2), openBody("b"), startBody("b", 1, hazard)));
  ingest("default/main", "t1", chain.write(endBody("b", 1)));
  const trail = new StoredTrail({
    store: {
      ingest: async (...batch) => ingest(...batch),
      events: async (query) => store.events({ after: 0, limit: 100, ...query }),
    },
    installation: "test",
    replica: "r1",
    clock,
    onStored: () => {},
  });
  await trail.record({ event: "grant.ended", actor: { kind: "User", name: "ana" }, grantID: "g1" });
  // What contradicts a record, belongs to another task or is none is kept, and not searched.
  const forged = testChain().write({ ...openBody("a"), grantID: "gforged" });
  ingest("default/main", "t1", [...forged, ...testChain("default/main", "t2").write(openBody("c"))]);
  ingest("default/main", "t1", [Buffer.from([0xff])]);
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true });
});

function tamper(sql: string): void {
  const database = new DatabaseSync(`${folder}/audit.db`);
  database.exec(`PRAGMA foreign_keys = OFF; ${sql}`);
  database.close();
}

const found = async (): Promise<string[]> => (await checkIndex(store, store.newest())).map(({ detail }) => detail);
const differs = (of: string, position: number, column: string): string =>
  `The index does not say of ${of} what the record at position ${position} says: ${column}.`;

describe("what is searched", () => {
  it("says what the records say, also where records contradict each other", async () => {
    expect(await found()).toEqual([]);
  });

  it.each([
    ["another text", "UPDATE statements SET sql = 'x' WHERE start_seq = 2", [differs("statement 1", 2, "sql")]],
    [
      "another outcome",
      "UPDATE statements SET outcome = 'error' WHERE end_seq = 3",
      [differs("statement 1", 3, "outcome")],
    ],
    ["other numbers", "UPDATE statements SET rows = 9 WHERE end_seq = 3", [differs("statement 1", 3, "rows")]],
    [
      "another place",
      "UPDATE statements SET start_seq = 4 WHERE start_seq = 2",
      [differs("statement 1", 2, "start_seq")],
    ],
    ["another person", "UPDATE sessions SET user_name = 'bob' WHERE session = 'a'", [differs("it", 1, "user_name")]],
    ["another grant", "UPDATE sessions SET grant_id = 'g9' WHERE session = 'b'", [differs("it", 7, "grant_id")]],
    ["an end", "UPDATE sessions SET close_reason = 'ended' WHERE session = 'a'", [differs("it", 6, "close_reason")]],
    ["no hazard", "DELETE FROM hazards", [differs("statement 1", 8, "hazards")]],
    ["another event", "UPDATE events SET grant_id = 'g2'", [differs("it", 10, "event_grant")]],
    ["no event", "DELETE FROM events", [differs("it", 10, "event"), differs("it", 10, "event_grant")]],
    [
      "a statement as something else",
      "UPDATE records SET kind = 'gap' WHERE store_seq = 2",
      [differs("statement 1", 2, "kind")],
    ],
    [
      "a statement that nobody sent",
      "INSERT INTO statements (session_id, statement, start_seq, time, sql) SELECT session_id, 9, 2, time, 'x' FROM statements WHERE start_seq = 2",
      ["The index has statement 9 of session a, and no record of it is where it says."],
    ],
  ])("is found where it says %s, by the row", async (_, sql, findings) => {
    tamper(sql);

    expect(await found()).toEqual(findings);
  });

  it("is found where it hides a statement, or a session's record as a contradiction", async () => {
    tamper("DELETE FROM statements WHERE start_seq = 2");
    const hidden = await checkIndex(store, store.newest());
    tamper("UPDATE records SET flag = 'conflict', kind = NULL, session_id = NULL WHERE store_seq = 7");

    expect(hidden).toMatchObject([
      { kind: "index-altered", session: "a", seq: 2, detail: differs("statement 1", 2, "start_seq") },
      { detail: differs("statement 1", 2, "time") },
      { detail: differs("statement 1", 2, "sql") },
      ...["end_seq", "outcome", "duration_ms", "rows"].map((column) => ({ detail: differs("statement 1", 3, column) })),
    ]);
    expect(await found()).toContain(differs("it", 7, "kind"));
  });

  it("is nothing wrong where retention took the beginning", async () => {
    store.remove(2);

    expect(await found()).toEqual([]);
  });
});
