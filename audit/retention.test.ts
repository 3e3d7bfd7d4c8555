import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { manualClock, type ManualClock } from "#lib/clock.ts";
import { HeadFile, readHeadLines } from "./head-place.ts";
import { HeadLog } from "./heads.ts";
import { hourOf, silenceMaxHours, steadyHours } from "./clock-trust.ts";
import { removeOld, type RetentionOptions } from "./retention.ts";
import { loadSigningKey } from "./signing-key.ts";
import { startStoreStand, type StoreStand } from "#test/harness/audit-postgres.ts";
import { AuditStore } from "./store/store.ts";
import { endBody, openBody, startBody } from "./testing/bodies.ts";
import { testChain, wholeSession } from "./testing/chains.ts";
import { collect } from "./testing/collect.ts";
import { verify } from "./verify.ts";

let stand: StoreStand;
beforeAll(async () => {
  stand = await startStoreStand();
});
afterAll(() => stand.server.stop());

const weekMs = 7 * 86_400_000;
const hourMs = 3_600_000;
/** What a process has seen that looked every hour since the beginning of a manual clock. */
function looksUntil(now: number): Set<number> {
  const first = hourOf(manualClock().now());
  return new Set(Array.from({ length: hourOf(now) - first + 1 }, (_, index) => first + index));
}

describe.each(["SQLite", "Postgres"])("retention in %s", (kind) => {
  let directory: string;
  let clock: ManualClock;
  let store: AuditStore;
  let heads: HeadLog;

  beforeEach(async () => {
    directory = mkdtempSync(`${tmpdir()}/retention-`);
    clock = manualClock();
    store =
      kind === "SQLite" ? await AuditStore.open({ path: `${directory}/audit.db`, clock }) : await stand.open(clock);
    await store.claim("test");
    const onFailed = (error: Error): never => {
      throw error;
    };
    heads = await HeadLog.open({
      place: await HeadFile.open(`${directory}/heads`),
      signer: key(),
      installation: "test",
      clock,
      onFailed,
    });
  });
  afterEach(async () => {
    await heads.close();
    await store.close();
    await stand.clear();
    rmSync(directory, { recursive: true });
  });

  const key = () => loadSigningKey(`${directory}/key.pem`);
  const lines = () => readHeadLines(`${directory}/heads`);
  const steady = (): RetentionOptions["clock"] => ({ now: clock.now(), looks: looksUntil(clock.now()) });
  const ship = async (records: readonly Uint8Array[], task = "t1"): Promise<void> => {
    heads.note((await store.ingest("default/main", task, records)).head);
    await heads.flush();
    clock.advance(1_000);
  };
  const remove = (ageMs: number) =>
    removeOld(
      { store, heads, headLines: lines, publicKeyPEM: key().publicKeyPEM, clock: steady() },
      clock.now() - ageMs,
    );
  const check = async () => {
    await heads.flush();
    return verify({ records: store.raw(), heads: lines(), publicKey: key().publicKeyPEM });
  };

  it("removes what is old and nothing else, and what is left is complete: a signed line says what went", async () => {
    const chain = testChain();
    const other = testChain("default/main", "t2");
    await ship(chain.write(...wholeSession("a", 2), openBody("b"), startBody("b", 1)));
    await ship(other.write(...wholeSession("c", 1)), "t2");
    clock.advance(3 * weekMs);
    await ship(chain.write(endBody("b", 1), startBody("b", 2), endBody("b", 2)));
    await ship(chain.write({ kind: "session.close", session: "b", reason: "client-closed", backend: "gone" }));

    const report = await remove(weekMs);
    const again = await remove(weekMs);
    const verified = await check();

    expect(report).toMatchObject({ upTo: 12, tasks: 2, findings: [] });
    expect(again).toBeUndefined();
    expect((await collect(store.raw())).map(({ storeSeq }) => storeSeq)).toEqual([13, 14, 15, 16]);
    expect((await store.sessions({})).items.map(({ session }) => session)).toEqual(["b"]);
    expect((await store.search({})).items.map(({ statement }) => statement)).toContain(2);
    expect(verified).toMatchObject({
      verdict: "complete",
      findings: [],
      removed: [
        { task: "t1", toSeq: 8 },
        { task: "t2", toSeq: 4 },
      ],
    });
  });

  it("goes on after everything was removed, with positions that were never given before", async () => {
    const chain = testChain();
    await ship(chain.write(...wholeSession("a", 2)));
    clock.advance(5 * weekMs);

    await remove(weekMs);
    const empty = await store.newest();
    await ship(chain.write(...wholeSession("b", 1)));

    expect(empty).toBe(6);
    expect((await collect(store.raw())).map(({ storeSeq }) => storeSeq)).toEqual([7, 8, 9, 10]);
    expect(await check()).toMatchObject({ verdict: "complete", counts: { records: 4 } });
  });

  it("twice removes in two steps, and still everything fits", async () => {
    const chain = testChain();
    for (const session of ["a", "b", "c"]) {
      await ship(chain.write(...wholeSession(session, 1)));
      clock.advance(2 * weekMs);
    }

    await remove(4 * weekMs);
    await remove(2 * weekMs);

    expect(await check()).toMatchObject({ verdict: "complete", counts: { records: 4 }, removed: [{ toSeq: 8 }] });
  });

  it("hides nobody's hand: what was removed without a signed line, or altered after it, is found", async () => {
    const chain = testChain();
    await ship(chain.write(...wholeSession("a", 1)));
    clock.advance(3 * weekMs);
    await ship(chain.write(...wholeSession("b", 1)));
    await remove(weekMs);
    const kept = await collect(store.raw());

    const bare = kept.slice(1);
    const forged = kept.map((raw) => ({
      ...raw,
      bytes: Buffer.from(Buffer.from(raw.bytes).toString().replace("select 1", "select 9")),
    }));
    const publicKey = key().publicKeyPEM;
    const withoutMark = (await collect(lines())).filter((line) => !line.includes('"removed"'));
    const reports = await Promise.all([
      verify({ records: bare, heads: lines(), publicKey }),
      verify({ records: forged, heads: lines(), publicKey }),
      verify({ records: kept, heads: withoutMark, publicKey }),
    ]);

    expect(reports.map(({ verdict }) => verdict)).toEqual(["broken", "broken", "broken"]);
  });

  it("removes nothing that cannot be signed for", async () => {
    await ship(testChain().write(...wholeSession("a", 1)));
    clock.advance(3 * weekMs);
    const failing = { flush: () => heads.flush(), noteRemoved: () => Promise.reject(new Error("no key")) };

    const removing = removeOld(
      { store, heads: failing, headLines: lines, publicKeyPEM: key().publicKeyPEM, clock: steady() },
      clock.now() - weekMs,
    );

    await expect(removing).rejects.toThrow("no key");
    expect(await collect(store.raw())).toHaveLength(4);
    expect(await check()).toMatchObject({ verdict: "complete" });
  });

  it("has no removal signed of what only the store says is old", async () => {
    const chain = testChain();
    await ship(chain.write(...wholeSession("a", 1)));
    clock.advance(3 * weekMs);
    await ship(chain.write(...wholeSession("b", 1)));
    const before = new Date(clock.now() - weekMs).toISOString();
    const [old] = await collect(store.raw({ upTo: 4 }));
    const later = testChain();
    later.write(...Array.from({ length: 10 }, (_, index) => wholeSession(`f${index}`, 1)).flat());
    const forged = { ...old!, storeSeq: 4, bytes: later.records.at(-1)! };
    const lying = (raw: RetentionOptions["store"]["raw"], upTo: number): RetentionOptions["store"] => ({
      expired: () => Promise.resolve({ upTo, before }),
      raw,
      remove: (position) => store.remove(position),
    });
    const removal = (over: RetentionOptions["store"]) =>
      removeOld(
        { store: over, heads, headLines: lines, publicKeyPEM: key().publicKeyPEM, clock: steady() },
        clock.now() - weekMs,
      );

    const backdated = removal(lying((range) => store.raw(range), 8));
    await expect(backdated).rejects.toThrow("no signed head from then knows it");
    const ofTheFuture = removal(
      lying(async function* (range) {
        yield* store.raw(range);
        yield forged;
      }, 4),
    );
    await expect(ofTheFuture).rejects.toThrow("no signed head from then knows it");

    expect(await collect(store.raw())).toHaveLength(8);
    expect(await check()).toMatchObject({ verdict: "complete", removed: [] });
  });

  it("believes no head that was not signed", async () => {
    await ship(testChain().write(...wholeSession("a", 1)));
    clock.advance(3 * weekMs);
    const forged = async function* (): AsyncGenerator<string> {
      for await (const line of lines()) {
        yield line.replace('"seq":4', '"seq":9');
      }
    };

    const removal = removeOld(
      { store, heads, headLines: forged, publicKeyPEM: key().publicKeyPEM, clock: steady() },
      clock.now() - weekMs,
    );

    await expect(removal).rejects.toThrow("not what was signed");
    expect(await collect(store.raw())).toHaveLength(4);
  });

  it("vouches for nothing that was put back in place of what was removed", async () => {
    const chain = testChain();
    await ship(chain.write(...wholeSession("a", 1)));
    clock.advance(3 * weekMs);
    await ship(chain.write(...wholeSession("b", 1)));
    await remove(weekMs);
    const kept = await collect(store.raw());

    const invented = testChain().write(...wholeSession("x", 1));
    const records = [...invented.map((bytes) => ({ ...kept[0]!, bytes })), ...kept];
    const report = await verify({ records, heads: lines(), publicKey: key().publicKeyPEM });

    expect(report).toMatchObject({
      verdict: "consistent, unanchored",
      unanchored: [{ task: "t1", fromSeq: 1, toSeq: 4 }],
    });
  });

  it("remembers what was wrong with what it removed", async () => {
    const chain = testChain();
    const [open, ...rest] = chain.write(...wholeSession("a", 1));
    await ship([open!, ...rest.slice(1)]);
    clock.advance(3 * weekMs);
    await ship(chain.write(...wholeSession("b", 1)));

    const report = await remove(weekMs);

    expect(report?.findings.length).toBeGreaterThan(0);
    expect(await check()).toMatchObject({ removed: [{ toSeq: 4, wrong: report?.findings.length }] });
  });

  it("removes nothing by a clock that may have jumped ahead, until it has gone on steadily, and by itself then", async () => {
    const chain = testChain();
    const looks = looksUntil(clock.now());
    await ship(chain.write(...wholeSession("a", 1)));
    clock.advance(52 * weekMs);
    await ship(chain.write(...wholeSession("b", 1)));
    const options = { store, heads, headLines: lines, publicKeyPEM: key().publicKeyPEM };
    const removal = () => {
      looks.add(hourOf(clock.now()));
      return removeOld({ ...options, clock: { now: clock.now(), looks } }, clock.now() - weekMs);
    };

    await expect(removal()).rejects.toMatchObject({ name: "ClockDoubted", doubt: { silentHours: 52 * 7 * 24 } });
    const left = await collect(store.raw());
    for (let hours = 0; hours < steadyHours - silenceMaxHours; hours += silenceMaxHours) {
      clock.advance(silenceMaxHours * hourMs);
      await expect(removal()).rejects.toThrow("the clock was seen at 2026-01-01T00:00:00.000Z and then at 2026-12-31");
    }
    clock.advance(silenceMaxHours * hourMs);
    const removed = await removal();

    expect(left).toHaveLength(8);
    expect(removed).toMatchObject({ upTo: 4 });
    expect(await check()).toMatchObject({ verdict: "complete" });
  });

  it("waits for who still needs the records", async () => {
    await ship(testChain().write(...wholeSession("a", 1)));
    clock.advance(3 * weekMs);
    const options = { store, heads, headLines: lines, publicKeyPEM: key().publicKeyPEM, clock: steady() };

    const needed = await removeOld({ ...options, positionNeeded: () => 4 }, clock.now() - weekMs);
    const left = await collect(store.raw());
    const free = await removeOld({ ...options, positionNeeded: () => 5 }, clock.now() - weekMs);

    expect(needed).toBeUndefined();
    expect(left).toHaveLength(4);
    expect(free).toMatchObject({ upTo: 4 });
  });
});
