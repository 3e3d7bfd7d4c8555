import { writeFileSync } from "node:fs";
import path from "node:path";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { manualClock, systemClock } from "#lib/clock.ts";
import { createAuthority } from "#sandbox/certificates.ts";
import { HeadFile, SharedHeads } from "../../head-place.ts";
import { endBody, openBody, startBody } from "../../testing/bodies.ts";
import { testChain, wholeSession } from "../../testing/chains.ts";
import { collect } from "../../testing/collect.ts";
import type { AuditStore } from "../store.ts";
import { schemaName } from "./schema.ts";
import { startStoreStand, type StoreStand } from "#test/harness/audit-postgres.ts";
import { eventuallyWorks } from "#test/harness/process.ts";

let stand: StoreStand;

beforeAll(async () => {
  stand = await startStoreStand();
});
afterEach(() => stand.clear());
afterAll(() => stand.server.stop());

async function writer(name = "one", clock = systemClock): Promise<AuditStore> {
  const store = await stand.open(clock);
  await store.claim(name);
  return store;
}

const ship = (store: AuditStore, records: readonly Uint8Array[], task = "t1") =>
  store.ingest("default/main", task, records);

/** The first `count` entries of a tail from the beginning. */
async function tailed(store: AuditStore, count: number): Promise<number[]> {
  const seen: number[] = [];
  for await (const { storeSeq } of store.tail({ after: 0 })) {
    seen.push(storeSeq);
    if (seen.length === count) {
      break;
    }
  }
  return seen;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe("replicas that share a store", () => {
  it("all show what one of them stores, at once", async () => {
    const one = await writer();
    const other = await stand.open();
    const following = tailed(other, 6);

    await ship(one, testChain().write(...wholeSession("a", 2)));

    expect(await following).toEqual(upTo(6));
    expect((await other.search({})).items).toHaveLength(2);
  });

  it("write one at a time: who lost the trail to another stores nothing more, whatever it still believes", async () => {
    const chain = testChain();
    const [first, second, third] = [1, 2, 3].map((session) => chain.write(...wholeSession(`s${session}`, 1)));
    const former = await writer("former");
    await ship(former, first!);

    const next = await writer("next");
    const late = ship(former, second!);
    await expect(late).rejects.toMatchObject({ name: "StoreFenced" });
    await ship(next, second!);
    await expect(ship(former, third!)).rejects.toThrow("another process writes");
    await ship(next, third!);

    expect(await next.findings()).toEqual([]);
    expect(await tailed(next, 12)).toEqual(upTo(12));
  });

  it("take nothing over by a claim that was not committed, though the next one gets the same number", async () => {
    const former = await writer("former");
    await stand.server.query(
      `CREATE FUNCTION ${schemaName}.no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not committed'; END $$;
       CREATE CONSTRAINT TRIGGER no AFTER UPDATE ON ${schemaName}.writer DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION ${schemaName}.no()`,
    );
    await expect(former.claim("former again")).rejects.toThrow("not committed");
    await stand.server.query(`DROP TRIGGER no ON ${schemaName}.writer`);

    const next = await writer("next");

    await expect(former.appendHead(1, "beside the next one")).rejects.toThrow("another process writes");
    await next.appendHead(1, "its own");
  });

  it("never skip a position: what is being stored slowly is waited for by who stores after it, and seen by nobody before", async () => {
    const one = await writer();
    const reader = await stand.open();
    await ship(one, testChain().write(...wholeSession("a", 1)));
    const { host, port, database, superuser: user, password, ca } = stand.server;
    const slow = new pg.Client({ host, port, database, user, password, ssl: { ca } });
    await slow.connect();
    await slow.query(`SET search_path TO ${schemaName}; BEGIN; SELECT * FROM writer FOR UPDATE`);
    await slow.query(
      `INSERT INTO records (store_seq, week, task_id, position, received, bytes)
       SELECT 5, max(week), 1, 5, 0, 'slow' FROM weeks; UPDATE writer SET store_seq = 5`,
    );

    const quick = ship(one, testChain("default/main", "t2").write(...wholeSession("b", 1)), "t2");
    const before = [await reader.newest(), await one.newest()];
    await slow.query("COMMIT");
    const { storeSeq } = await quick;
    await slow.end();

    expect(before).toEqual([4, 4]);
    expect(storeSeq).toBe(9);
    expect(await tailed(reader, 9)).toEqual(upTo(9));
  });

  it("keep every record once while leaders change in the middle of what proxies ship", async () => {
    const chains = ["t1", "t2"].map((task) => ({
      task,
      records: testChain("default/main", task).write(...wholeSession(task, 60)),
    }));
    const reader = await stand.open();
    let leader = await writer("first");
    const following = tailed(reader, 2 * 122);

    const shipping = chains.map(async ({ task, records }) => {
      for (let at = await leader.acknowledged("default/main", task); at < records.length;) {
        // What was sent and not acknowledged is sent again, as a proxy does.
        const sent = records.slice(Math.max(0, at - 3), at + 7);
        at = await ship(leader, sent, task).then(
          ({ ackSeq }) => ackSeq,
          () => leader.acknowledged("default/main", task),
        );
      }
    });
    const changing = (async () => {
      for (const name of ["second", "third", "fourth"]) {
        const next = await stand.open();
        await next.claim(name);
        leader = next;
      }
    })();
    await Promise.all([...shipping, changing]);

    expect(await following).toEqual(upTo(2 * 122));
    expect(await reader.findings()).toEqual([]);
  });

  it("continue one head log, and keep apart what each of them wrote", async () => {
    const one = await writer("one");
    const directory = path.join(path.dirname(stand.server.caFile), `heads-${Date.now()}`);
    const files = await Promise.all([1, 2].map((replica) => HeadFile.open(`${directory}-${replica}`)));
    const first = new SharedHeads(one, files[0]!);
    await first.append(1, "line one");
    const two = await writer("two");
    const second = new SharedHeads(two, files[1]!);

    await expect(first.append(2, "too late")).rejects.toThrow("another process writes");
    await expect(second.append(3, "a gap")).rejects.toThrow("does not follow");
    await second.append(2, "line two");
    await two.appendHead(2, "line two");

    const lines: string[][] = [];
    for (const place of [first, second]) {
      lines.push(await collect(place.lines()), await collect(place.ownLines()));
    }
    expect(lines).toEqual([["line one", "line two"], ["line one"], ["line one", "line two"], ["line two"]]);
    await Promise.all([first.close(), second.close()]);
  });
});

describe("a store that is lost for a while", () => {
  it("refuses what comes, and goes on by itself when it is back, so that tails hear of what comes", async () => {
    const store = await writer();
    const reader = await stand.open();
    const records = testChain().write(...wholeSession("a", 2));
    await ship(store, records.slice(0, 2));
    const { database } = stand.server;
    const admin = new pg.Client({ ...connection(), database: "postgres" });
    await admin.connect();
    await admin.query(`ALTER DATABASE ${database} ALLOW_CONNECTIONS false`);
    await admin.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'sallyport-audit%'",
    );

    await expect(ship(store, records.slice(2))).rejects.toThrow();
    await expect(store.acknowledged("default/main", "t1")).rejects.toThrow();
    await admin.query(`ALTER DATABASE ${database} ALLOW_CONNECTIONS true`);
    await admin.end();
    const following = tailed(reader, 6);
    const { ackSeq, findings } = await ship(store, records.slice(2));

    expect({ ackSeq, findings }).toEqual({ ackSeq: 6, findings: [] });
    expect(await following).toEqual(upTo(6));
  });

  it("loses nothing that it confirmed and keeps nothing twice, though its server crashes in the middle of batches", async () => {
    const store = await writer();
    const reader = await stand.open();
    const records = testChain().write(...wholeSession("a", 60));
    const seen: number[] = [];
    const following = (async () => {
      while (seen.length < records.length) {
        try {
          for await (const { storeSeq } of reader.tail({ after: seen.at(-1) ?? 0 })) {
            seen.push(storeSeq);
            if (seen.length === records.length) {
              return;
            }
          }
        } catch {
          // Its reader comes back where it was.
          await untilAnswered(() => stand.server.query("SELECT 1"));
        }
      }
    })();

    let crashes = 0;
    const wentBack: number[] = [];
    for (let at = 0; at < records.length;) {
      const crash = at > crashes * 80 ? crashServer().then(() => (crashes += 1)) : undefined;
      const next = await ship(store, records.slice(Math.max(0, at - 3), at + 7)).then(
        ({ ackSeq }) => ackSeq,
        () => untilAnswered(() => store.acknowledged("default/main", "t1")),
      );
      await crash;
      wentBack.push(...(next < at ? [next] : []));
      at = next;
    }
    await following;

    expect(crashes).toBe(2);
    expect(wentBack).toEqual([]);
    expect(seen).toEqual(upTo(records.length));
    expect(await untilAnswered(() => reader.findings())).toEqual([]);
    const kept = await untilAnswered(() => collect(reader.raw()));
    expect(kept.map(({ bytes }) => Buffer.from(bytes))).toEqual(records);
  });

  it("is not taken for another: a server of another authority, or of another name, is refused", async () => {
    const other = path.join(path.dirname(stand.server.caFile), "other.pem");
    writeFileSync(other, (await createAuthority("another authority", Date.now())).certificate);
    const strange = await stand.open(systemClock, { ...stand.address, tls: { caFile: other } });

    await expect(strange.claim("x")).rejects.toThrow(/certificate|self-signed/);
    expect(await stand.server.query("SELECT 1 FROM pg_namespace WHERE nspname = 'sallyport_audit'")).toEqual([]);
  });
});

/** Kills a process of the server, at which it ends all others and recovers from what is on the device (`restart_after_crash`). */
async function crashServer(): Promise<void> {
  const [row] = await untilAnswered(() =>
    stand.server.query<{ pid: number }>(
      "SELECT pid FROM pg_stat_activity WHERE application_name = 'sallyport-audit-write' ORDER BY query_start DESC LIMIT 1",
    ),
  );
  if (row !== undefined) {
    process.kill(row.pid, "SIGKILL");
  }
}

const untilAnswered = <T>(ask: () => Promise<T>): Promise<T> => eventuallyWorks("the server answers again", ask);

function connection(): pg.ClientConfig {
  const { host, port, superuser: user, password, ca } = stand.server;
  return { host, port, user, password, ssl: { ca } };
}

describe("weeks", () => {
  const weekMs = 7 * 86_400_000;

  it("get tables of their own ahead of time, and what spans several is found as one", async () => {
    const clock = manualClock();
    const store = await writer("one", clock);
    const chain = testChain();
    await ship(store, chain.write(openBody("a"), startBody("a", 1)));
    clock.advance(3 * weekMs);
    await ship(store, chain.write(startBody("a", 2), endBody("a", 1)));
    clock.jump(-2 * weekMs);
    await ship(store, chain.write(endBody("a", 2)));

    const { items } = await store.search({}, { order: "oldest" });
    const raw = await collect(store.raw({ after: 1 }));
    const tables = await stand.server.query<{ name: string; count: number }>(
      `SELECT tableoid::regclass::text AS name, count(*)::int AS count FROM ${schemaName}.records GROUP BY 1 ORDER BY 1`,
    );

    expect(items).toMatchObject([
      { statement: 1, sql: "select 1", outcome: "ok", storeSeq: 4 },
      { statement: 2, sql: "select 2", outcome: "ok", storeSeq: 5 },
    ]);
    expect(raw.map(({ storeSeq }) => storeSeq)).toEqual([2, 3, 4, 5]);
    expect(await tailed(store, 5)).toEqual(upTo(5));
    // A clock that goes back opens no earlier week: positions and weeks rise together.
    expect(tables.map(({ count }) => count)).toEqual([2, 3]);
  });
});
