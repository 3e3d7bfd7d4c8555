import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { manualClock, type ManualClock } from "#lib/clock.ts";
import { HeadFile, readHeadLines } from "./head-place.ts";
import { HeadLog } from "./heads.ts";
import { removeOld } from "./retention.ts";
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
  const ship = async (records: readonly Uint8Array[], task = "t1"): Promise<void> => {
    heads.note((await store.ingest("default/main", task, records)).head);
    clock.advance(1_000);
  };
  const remove = (ageMs: number) =>
    removeOld({ store, heads, headLines: lines, publicKeyPEM: key().publicKeyPEM }, clock.now() - ageMs);
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
      { store, heads: failing, headLines: lines, publicKeyPEM: key().publicKeyPEM },
      clock.now() - weekMs,
    );

    await expect(removing).rejects.toThrow("no key");
    expect(await collect(store.raw())).toHaveLength(4);
    expect(await check()).toMatchObject({ verdict: "complete" });
  });
});
