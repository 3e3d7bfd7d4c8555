import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { UserError } from "#lib/errors.ts";
import { inlineCharactersMax, splitStart } from "../large-text.ts";
import { endBody, openBody, startBody } from "../testing/bodies.ts";
import { testChain, wholeSession } from "../testing/chains.ts";
import { parseExportLine } from "./export.ts";
import { AuditStore, type TailEntry } from "./store.ts";

let directory: string;
let store: AuditStore;

beforeEach(async () => {
  directory = mkdtempSync(`${tmpdir()}/store-`);
  store = await AuditStore.open({ path: `${directory}/audit.db`, clock: manualClock() });
});

afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

const ingest = (records: readonly Uint8Array[]) => store.ingest("default/main", "t1", records);

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) {
    all.push(item);
  }
  return all;
}

describe("AuditStore", () => {
  it("keeps everything over a restart", async () => {
    const chain = testChain();
    await ingest(chain.write(openBody("a"), startBody("a", 1)));
    await store.close();

    store = await AuditStore.open({ path: `${directory}/audit.db`, clock: manualClock() });
    const result = await ingest(chain.write(endBody("a", 1)));

    expect(result).toMatchObject({ ackSeq: 3, findings: [], head: { seq: 3, chainSeq: 1 } });
    expect(await store.heads()).toMatchObject([{ seq: 3, openSessions: [{ session: "a", sessionSeq: 3 }] }]);
  });

  it("says what to do when the store is of a newer release", async () => {
    const database = new DatabaseSync(`${directory}/new.db`);
    database.exec("PRAGMA user_version = 99");
    database.close();

    const opening = AuditStore.open({ path: `${directory}/new.db`, clock: manualClock() });

    await expect(opening).rejects.toBeInstanceOf(UserError);
    await expect(opening).rejects.toMatchObject({ code: "AuditStoreTooNew", next: expect.stringContaining("newer") });
  });

  it("rejects what is asked for after it was closed", async () => {
    await store.close();

    await expect(store.search({})).rejects.toThrow("closed");
    await expect(ingest([])).rejects.toThrow("closed");
  });
});

describe("text", () => {
  const query = { proxy: "default/main", task: "t1", session: "a", text: 1 };
  const sql = `select '${"ö".repeat(3 * inlineCharactersMax)}'`;

  it("gives a large text back whole, while search and tail show its beginning", async () => {
    const { pieces, start } = splitStart(startBody("a", 1, { sql }), () => 1, new Map());
    await ingest(testChain().write(openBody("a"), ...pieces, start));

    const found = await store.search({ text: "select 'ö" });
    const text = await collect(store.text(query));

    expect(text.length).toBeGreaterThan(1);
    expect(text.join("")).toBe(sql);
    expect(found.items).toMatchObject([{ sql: start.sql, sqlText: { text: 1, bytes: Buffer.byteLength(sql) } }]);
    const page = await collect(store.tail({ after: 0, signal: AbortSignal.timeout(50) }));
    expect(page.map(({ record }) => record?.kind)).toEqual(["session.open", "statement.start"]);
  });

  it("says which piece of it is missing", async () => {
    const { pieces } = splitStart(startBody("a", 1, { sql }), () => 1, new Map());
    const records = testChain().write(openBody("a"), ...pieces);

    await ingest(records.filter((_, index) => index !== 2));

    await expect(collect(store.text(query))).rejects.toMatchObject({
      code: "TextIncomplete",
      why: expect.stringContaining("Piece 1"),
    });
    await expect(collect(store.text({ ...query, text: 9 }))).rejects.toThrow("not whole");
  });
});

describe("tail", () => {
  it("gives what is there, then what comes, and resumes after any record without losing or repeating one", async () => {
    const chain = testChain();
    await ingest(chain.write(openBody("a")));
    const seen: TailEntry[] = [];
    let after = 0;
    let written = 0;
    while (seen.length < 11) {
      // Every tail is broken off after two records and resumed where it stopped.
      let inThisTail = 0;
      const tail = store.tail({ after });
      const reading = (async () => {
        for await (const entry of tail) {
          seen.push(entry);
          after = entry.storeSeq;
          inThisTail += 1;
          if (inThisTail === 2 || seen.length === 11) {
            break;
          }
        }
      })();
      if (written < 5) {
        written += 1;
        await ingest(chain.write(startBody("a", written), endBody("a", written)));
      }
      await reading;
    }

    expect(seen.map(({ storeSeq }) => storeSeq)).toEqual(Array.from({ length: 11 }, (_, index) => index + 1));
    expect(seen[2]).toMatchObject({ record: { kind: "statement.end" }, statement: { sql: "select 1", outcome: "ok" } });
  });

  it("passes over what its filter leaves out, however much it is", async () => {
    const chain = testChain();
    await ingest(chain.write(...wholeSession("a", 3_000)));
    await ingest(chain.write(openBody("b", { grantID: "gwanted" })));
    const controller = new AbortController();

    const seen: TailEntry[] = [];
    for await (const entry of store.tail({ after: 0, filter: { grantID: "gwanted" }, signal: controller.signal })) {
      seen.push(entry);
      controller.abort();
    }

    expect(seen.map(({ storeSeq, owner }) => [storeSeq, owner?.session])).toEqual([[6_003, "b"]]);
  });

  it("ends when the store is closed", async () => {
    const reading = collect(store.tail({ after: 0 }));

    await store.close();

    expect(await reading).toEqual([]);
  });
});

describe("export", () => {
  it("gives lines that are readable and hold every byte, also of what is no record", async () => {
    const chain = testChain();
    const odd = [Buffer.from([0xff, 0x00]), Buffer.from('{"a":\n1}'), Buffer.from(' {"record":"}"} ')];
    const records = [...chain.write(openBody("a"), startBody("a", 1, { sql: 'select \'","record":\'' })), ...odd];
    await ingest(records);

    const lines = await collect(store.export());

    expect(lines.every((line) => !line.includes("\n") && typeof JSON.parse(line) === "object")).toBe(true);
    expect(lines.map((line) => Buffer.from(parseExportLine(line).bytes))).toEqual(records);
  });
});
