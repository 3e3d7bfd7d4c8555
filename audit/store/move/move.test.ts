import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { manualClock, type ManualClock } from "#lib/clock.ts";
import { startStoreStand, type StoreStand } from "#test/harness/audit-postgres.ts";
import { hourOf } from "../../clock-trust.ts";
import { StoredTrail } from "../../event/stored-trail.ts";
import { HeadFile, readHeadLines, SharedHeads } from "../../head-place.ts";
import { HeadLog } from "../../heads.ts";
import { inlineCharactersMax, splitStart } from "../../large-text.ts";
import { removeOld } from "../../retention.ts";
import { loadSigningKey } from "../../signing-key.ts";
import { PostgresCursors } from "../../sinks/postgres-cursors.ts";
import { endBody, openBody, startBody } from "../../testing/bodies.ts";
import { type TestChain, testChain, wholeSession } from "../../testing/chains.ts";
import { collect } from "../../testing/collect.ts";
import { trailPaths, verifyDirectories } from "../../trail-directory.ts";
import { verify } from "../../verify.ts";
import { AuditStore } from "../store.ts";
import { moveTrail } from "./move.ts";

const child = new URL("../../testing/move-child.ts", import.meta.url).pathname;
const dayMs = 86_400_000;

let stand: StoreStand;
let state: string;
let clock: ManualClock;
let chain: TestChain;

beforeAll(async () => {
  stand = await startStoreStand();
});
afterAll(() => stand.server.stop());
beforeEach(() => {
  state = mkdtempSync(path.join(tmpdir(), "move-"));
  clock = manualClock();
  chain = testChain();
});
afterEach(async () => {
  await stand.clear();
  await stand.server.query("DROP SCHEMA IF EXISTS sallyport_audit_moving CASCADE");
  rmSync(state, { recursive: true });
});

const key = () => loadSigningKey(trailPaths(state).key);
const openHeads = async (place: HeadFile | SharedHeads): Promise<HeadLog> =>
  HeadLog.open({ place, signer: key(), installation: "test", clock, onFailed: (error) => expect.fail(error.message) });

/** A trail of a month with everything that one can hold: its oldest day was removed, records contradict others, a session is open. */
async function writeTrail(): Promise<void> {
  const paths = trailPaths(state);
  const store = await AuditStore.open({ path: paths.store, clock });
  const heads = await openHeads(await HeadFile.open(paths.heads));
  const ship = async (records: readonly Uint8Array[], task = "t1"): Promise<void> => {
    heads.note((await store.ingest("default/main", task, records)).head);
    await heads.flush();
  };
  const headLines = () => readHeadLines(paths.heads);
  await ship(chain.write(...wholeSession("removed", 3), openBody("open"), startBody("open", 1)));
  clock.advance(2 * dayMs);
  const looks = new Set([0, dayMs, 2 * dayMs].map((ago) => hourOf(clock.now() - ago)));
  await removeOld(
    { store, heads, headLines, publicKeyPEM: key().publicKeyPEM, clock: { now: clock.now(), looks } },
    clock.now() - dayMs,
  );
  for (let week = 0; week < 4; week += 1) {
    await ship(chain.write(...wholeSession(`week-${week}`, 65)));
    clock.advance(7 * dayMs);
  }
  const sql = `select '${"ö".repeat(3 * inlineCharactersMax)}'`;
  const { pieces, start } = splitStart(startBody("open", 2, { sql }), () => 1, new Map());
  const hazard = { sql: "alter role a\0b", notices: ["hazard:credential-change"] };
  await ship(chain.write(endBody("open", 1, { durationMs: 99 }), ...pieces, start, startBody("open", 3, hazard)));
  const trail = new StoredTrail({
    store,
    installation: "test",
    replica: "r1",
    clock,
    onStored: (head) => heads.noteNow(head),
  });
  await trail.record({ event: "grant.ended", actor: { kind: "User", name: "ana" }, grantID: "g1" });
  const damaged = testChain("default/main", "t2").write(...wholeSession("damaged", 3));
  await ship([...damaged.slice(0, 2), ...damaged.slice(3), Buffer.from([0xff, 0x00])], "t2");
  await ship(testChain("default/main", "t2").write(openBody("damaged", { grantID: "gforged" })), "t2");
  await ship(chain.write(openBody("last")));
  await heads.close();
  await store.close();
  const cursors = { "file:///a": { position: 300, epoch: "e1", lastID: "x" }, slack: { position: 7, epoch: "e2" } };
  writeFileSync(paths.cursors, JSON.stringify({ sinks: cursors }));
}

/** A short one, whose last session is open. */
async function writeShortTrail(): Promise<void> {
  const paths = trailPaths(state);
  const store = await AuditStore.open({ path: paths.store, clock });
  const heads = await openHeads(await HeadFile.open(paths.heads));
  const records = chain.write(...wholeSession("whole", 9), openBody("open"), startBody("open", 1));
  heads.note((await store.ingest("default/main", "t1", records)).head);
  await heads.close();
  await store.close();
}

/** A move that is cut off after its first part. */
const cutOff = () =>
  moveTrail({
    state,
    address: stand.address,
    onMoved: (table, rows) => {
      throw new Error(`cut off after ${rows} ${table}`);
    },
  });

/** A tail from the beginning to what is newest. */
async function tailed(store: AuditStore): Promise<unknown[]> {
  const entries: unknown[] = [];
  const newest = await store.newest();
  for await (const entry of store.tail({ after: 0 })) {
    entries.push(entry);
    if (entry.storeSeq === newest) {
      break;
    }
  }
  return entries;
}

/** Everything that a reader is shown. */
async function seen(store: AuditStore): Promise<unknown> {
  const pages = async (order: "newest" | "oldest"): Promise<unknown[]> => {
    const first = await store.search({}, { order, limit: 150 });
    return [first, await store.search({}, { order, limit: 150, cursor: first.next ?? 0 })];
  };
  const sessions = await store.sessions({}, { limit: 100 });
  const { fileBytes: _, ...stats } = await store.stats();
  const grantID = openBody("a").grantID;
  const range = { from: "2026-01-01T00:00:00Z", to: "2026-03-01T00:00:00Z", bucketSeconds: 86_400 };
  const statistics = await store.statistics({}, range);
  const all = {
    export: await collect(store.export()),
    tail: await tailed(store),
    newest: await pages("newest"),
    oldest: await pages("oldest"),
    found: await store.search({ text: "ALTER ROLE", open: true }),
    // Postgres does not say where a session begins.
    sessions: sessions.items.map(({ firstSeq: _seq, ...session }) => session),
    events: await store.events(),
    text: (await collect(store.text({ proxy: "default/main", task: "t1", session: "open", text: 1 }))).join(""),
    findings: await store.findings(),
    flagged: await store.flaggedGrants(),
    hazards: await store.hazardsOf(grantID),
    heads: await store.heads(),
    stats,
    // Those that took equally long come in any order.
    statistics: { ...statistics, slowest: statistics.slowest[0] },
    index: await store.checkIndex(),
    acknowledged: await store.acknowledged("default/main", "t2"),
  };
  // As it leaves the store's threads, whatever made its objects.
  return JSON.parse(JSON.stringify(all));
}

const contentOf = (directory: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== "lock")
      .map(({ parentPath, name }) => [
        path.join(parentPath, name),
        readFileSync(path.join(parentPath, name), "base64"),
      ]),
  );

describe("a trail that is moved from SQLite to Postgres", () => {
  it("shows every reader the same, is proven by the same heads, and goes on without a gap, however often the move was killed", async () => {
    await writeTrail();
    const before = contentOf(state);
    const source = await AuditStore.open({ path: trailPaths(state).store, clock });
    const wanted = await seen(source);
    await source.close();
    const verified = await verifyDirectories([state]);
    const { host, port, database, superuser, password, caFile } = stand.server;
    const url = `postgres://${superuser}:${password}@${host}:${port}/${database}?sslrootcert=${caFile}`;

    const killed = [1, 4].map((parts) => spawnSync(process.execPath, [child, state, url, String(parts)]).signal);
    const moved = await moveTrail({ state, address: stand.address });
    const again = await moveTrail({ state, address: stand.address });

    expect(killed).toEqual(["SIGKILL", "SIGKILL"]);
    expect([moved.run, again.run]).toEqual(["resumed", "there"]);
    expect(moved).toMatchObject({
      cursors: ["file:///a", "slack"],
      isOwnKey: true,
      report: { verdict: verified.verdict },
    });
    expect(contentOf(state)).toMatchObject(before);
    const store = await stand.open(clock);
    expect(await seen(store)).toEqual(wanted);
    await goesOn(store, verified.counts.records);
    await findsLies(store);
    const cursors = new PostgresCursors(stand.address);
    expect(await cursors.read("file:///a")).toEqual({ position: 300, epoch: "e1", lastID: "x" });
    await cursors.close();
  });

  /** The next leader continues records, numbers and heads, and this replica's copy of the heads guards them. */
  async function goesOn(store: AuditStore, records: number): Promise<void> {
    await store.claim("next");
    const own = await HeadFile.open(trailPaths(state).sharedHeads);
    const heads = await openHeads(new SharedHeads(store, own));
    const next = await store.ingest("default/main", "t1", chain.write(endBody("open", 3), ...wholeSession("new", 2)));
    heads.note(next.head);
    await heads.flush();
    const [lines, ownHeads] = [await collect(store.headLines()), await collect(own.lines())];
    const report = await verify({ records: store.raw(), heads: lines, ownHeads, publicKey: key().publicKeyPEM });
    await heads.close();

    expect(next).toMatchObject({ findings: [], stored: 7 });
    expect(ownHeads).toEqual(lines);
    expect(report.findings.filter(({ task }) => task !== "t2")).toEqual([]);
    expect(report).toMatchObject({ unanchored: [], counts: { records: records + 7 } });
    expect((await store.search({}, { limit: 1 })).items).toMatchObject([{ session: "new", statement: 2 }]);
  }

  /** Who changes only what is searched is found, in Postgres as in SQLite. */
  async function findsLies(store: AuditStore): Promise<void> {
    const schema = "sallyport_audit";
    const before = await store.checkIndex();
    const ofWhole = `session_id = (SELECT id FROM ${schema}.sessions WHERE session = 'week-2') AND statement`;
    await stand.server.query(`UPDATE ${schema}.statements SET outcome = 'error' WHERE ${ofWhole} = 7`);
    await stand.server.query(`DELETE FROM ${schema}.statements WHERE ${ofWhole} = 8`);
    await stand.server.query(
      `INSERT INTO ${schema}.statements (week, session_id, statement, start_seq, start_week, time, sql)
       SELECT week, session_id, 900, start_seq, start_week, time, 'forged' FROM ${schema}.statements WHERE ${ofWhole} = 9`,
    );
    const after = await store.checkIndex();

    expect(before.filter(({ task }) => task !== "t2")).toEqual([]);
    expect(new Set(after.slice(before.length).map(({ session }) => session))).toEqual(new Set(["week-2"]));
    expect(after.map(({ detail }) => /statement (\d+)/.exec(detail)?.[1])).toEqual(
      expect.arrayContaining(["7", "8", "900"]),
    );
  }

  it("begins anew where the trail went on since the move was cut off", async () => {
    await writeShortTrail();
    await expect(cutOff()).rejects.toThrow("cut off after 22 records");
    const store = await AuditStore.open({ path: trailPaths(state).store, clock });
    await store.ingest("default/main", "t1", chain.write(endBody("open", 1)));
    await store.close();

    const moved = await moveTrail({ state, address: stand.address });

    expect([moved.run, moved.report.verdict]).toEqual(["whole", "consistent, unanchored"]);
    expect((await (await stand.open()).search({}, { limit: 1 })).items).toMatchObject([
      { session: "open", outcome: "ok" },
    ]);
  });

  it("is refused while a controller uses it, where another trail is, and where lines of another log are kept", async () => {
    await writeShortTrail();
    const paths = trailPaths(state);
    const refusal = () => moveTrail({ state, address: stand.address }).catch((error: unknown) => error);
    for (const directory of [paths.heads, paths.sharedHeads]) {
      const running = await HeadFile.open(directory);
      expect(await refusal()).toMatchObject({ code: "DirectoryInUse" });
      await running.close();
    }
    await (await stand.open()).claim("another");
    expect(await refusal()).toMatchObject({ code: "AuditStoreNotEmpty" });
    await stand.clear();
    writeFileSync(path.join(paths.sharedHeads, "heads.jsonl"), "{}\n");
    expect(await refusal()).toMatchObject({ code: "HeadsOfAnother" });
    expect(await stand.server.query("SELECT to_regnamespace('sallyport_audit')::text AS name")).toEqual([
      { name: null },
    ]);
  });

  it("never gets the store's name where the copy is not what it was made of", async () => {
    await writeShortTrail();
    await expect(cutOff()).rejects.toThrow("cut off");
    await stand.server.query("UPDATE sallyport_audit_moving.records SET received = received + 1 WHERE store_seq = 20");

    await expect(moveTrail({ state, address: stand.address })).rejects.toMatchObject({
      code: "MoveNotProven",
      why: "The first row that differs: records 20.",
    });
  });
});
