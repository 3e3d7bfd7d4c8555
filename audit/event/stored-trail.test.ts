import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { HeadFile, readHeadLines } from "../head-place.ts";
import { HeadLog } from "../heads.ts";
import { loadSigningKey } from "../signing-key.ts";
import { AuditStore } from "../store/store.ts";
import type { TaskHead } from "../store/types.ts";
import { openBody } from "../testing/bodies.ts";
import { testChain } from "../testing/chains.ts";
import { verify } from "../verify.ts";
import { eventBatchMax, type EventStore, recordWaitMs, StoredTrail } from "./stored-trail.ts";
import type { NewTrailEvent } from "./trail.ts";

let directory: string;
let store: AuditStore;
const clock = manualClock();

beforeEach(async () => {
  directory = mkdtempSync(`${tmpdir()}/events-`);
  store = await AuditStore.open({ path: `${directory}/audit.db`, clock });
});

afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

function openTrail(over: EventStore = store, onStored: (head: TaskHead) => void = () => {}): StoredTrail {
  return new StoredTrail({ store: over, installation: "test", replica: "r1", clock, onStored });
}

const viewed = (grantID: string): NewTrailEvent => ({
  event: "statements.viewed",
  actor: { kind: "User", name: "ana" },
  grantID,
  session: "s-1",
  detail: { filter: "all" },
});

describe("StoredTrail", () => {
  it("has stored an event when it resolves, with everything that it tells", async () => {
    await openTrail().record(viewed("g1"));

    const { items } = await store.events();
    expect(items).toEqual([{ ...viewed("g1"), time: new Date(clock.now()).toISOString(), storeSeq: 1 }]);
  });

  it("keeps the order of what is recorded at once, in batches of bounded size", async () => {
    const batches: number[] = [];
    const counting: EventStore = {
      events: (query) => store.events(query),
      ingest: (proxy, task, records) => {
        batches.push(records.length);
        return store.ingest(proxy, task, records);
      },
    };
    const trail = openTrail(counting);
    const names = Array.from({ length: eventBatchMax + 2 }, (_, index) => `g${index}`);

    await Promise.all(names.map((name) => trail.record(viewed(name))));

    const { items } = await store.events({ limit: 1_000 });
    expect(items.map(({ grantID }) => grantID)).toEqual(names);
    expect(Math.max(...batches)).toBe(eventBatchMax);
  });

  it("takes events that come while others are settled", async () => {
    const trail = openTrail();

    const second = trail.record(viewed("g1")).then(() => trail.record(viewed("g2")));
    await second;

    expect((await store.events()).items).toHaveLength(2);
  });

  it("rejects what cannot be stored and goes on afterwards, whether that was stored or not", async () => {
    let failing: "before" | "after" | undefined;
    const weak: EventStore = {
      events: (query) => store.events(query),
      async ingest(proxy, task, records) {
        if (failing === "before") {
          throw new Error("full");
        }
        const result = await store.ingest(proxy, task, records);
        if (failing === "after" && records.length > 0) {
          throw new Error("the answer was lost");
        }
        return result;
      },
    };
    const trail = openTrail(weak);
    await trail.record(viewed("g1"));

    failing = "before";
    await expect(trail.record(viewed("g2"))).rejects.toThrow("full");
    failing = "after";
    await expect(trail.record(viewed("g3"))).rejects.toThrow("lost");
    failing = undefined;
    await trail.record(viewed("g4"));

    expect((await store.events()).items.map(({ grantID }) => grantID)).toEqual(["g1", "g3", "g4"]);
    expect(await store.findings()).toEqual([]);
  });

  it("keeps an event once whose answer was lost and that is told again, and has it signed", async () => {
    const signed: number[] = [];
    let isLosing = true;
    const weak: EventStore = {
      events: (query) => store.events(query),
      async ingest(proxy, task, records) {
        const result = await store.ingest(proxy, task, records);
        if (isLosing && records.length > 0) {
          isLosing = false;
          throw new Error("the answer was lost");
        }
        return result;
      },
    };
    const trail = openTrail(weak, ({ seq }) => void signed.push(seq));
    const ended = { event: "grant.ended", actor: { kind: "Controller", name: "c" }, grantID: "g1" } as const;
    await expect(trail.record(ended)).rejects.toThrow("lost");

    await trail.record(ended);

    expect((await store.events()).items).toHaveLength(1);
    expect(signed).toEqual([1]);
  });

  it("waits for a batch whose answer was lost and that is stored only now", async () => {
    let late: (() => Promise<unknown>) | undefined;
    let isLosing = false;
    const slow: EventStore = {
      events: (query) => store.events(query),
      async ingest(proxy, task, records) {
        if (isLosing) {
          isLosing = false;
          late = () => store.ingest(proxy, task, records);
          throw new Error("the answer was lost");
        }
        // One batch after the other: whoever writes next comes after what was given before.
        await late?.();
        late = undefined;
        return store.ingest(proxy, task, records);
      },
    };
    const trail = openTrail(slow);
    await trail.record(viewed("g1"));

    isLosing = true;
    await expect(trail.record(viewed("g2"))).rejects.toThrow("lost");
    await trail.record(viewed("g3"));

    expect((await store.events()).items.map(({ grantID }) => grantID)).toEqual(["g1", "g2", "g3"]);
    expect(await store.findings()).toEqual([]);
  });

  it("keeps nobody waiting for a store that neither answers nor refuses, and goes on when it does", async () => {
    const answering = Promise.withResolvers<void>();
    const silent: EventStore = {
      events: (query) => store.events(query),
      async ingest(proxy, task, records) {
        await answering.promise;
        return store.ingest(proxy, task, records);
      },
    };
    const trail = openTrail(silent);

    const given = [trail.record(viewed("on its way")), trail.record(viewed("not begun"))].map((kept) =>
      expect(kept).rejects.toThrow("does not answer"),
    );
    clock.advance(recordWaitMs);
    await Promise.all(given);
    answering.resolve();
    await trail.record(viewed("later"));

    expect((await store.events()).items.map(({ grantID }) => grantID)).toEqual(["on its way", "later"]);
    expect(await store.findings()).toEqual([]);
    expect(clock.pendingCount()).toBe(0);
  });

  it("has every event signed when it resolves: a process that is killed leaves a complete trail", async () => {
    const signer = loadSigningKey(`${directory}/key.pem`);
    const onFailed = (error: Error): never => {
      throw error;
    };
    const place = await HeadFile.open(directory);
    const heads = await HeadLog.open({ place, signer, installation: "test", clock, onFailed });
    const trail = openTrail(store, (head) => heads.noteNow(head));

    for (const grantID of ["g1", "g2", "g3"]) {
      await trail.record(viewed(grantID));
    }
    const lines: string[] = [];
    for await (const line of readHeadLines(directory)) {
      lines.push(line);
    }
    await heads.close();

    const report = await verify({ records: store.raw(), heads: lines, publicKey: signer.publicKeyPEM });
    expect(report).toMatchObject({ verdict: "complete", counts: { records: 3 } });
  });

  it("goes on with its chain after a restart, and the whole verifies with what proxies sent", async () => {
    const signer = loadSigningKey(`${directory}/key.pem`);
    const onFailed = (error: Error): never => {
      throw error;
    };
    const place = await HeadFile.open(directory);
    const heads = await HeadLog.open({ place, signer, installation: "test", clock, onFailed });
    const note = (head: TaskHead): void => heads.note(head);
    await openTrail(store, note).record(viewed("g1"));
    note((await store.ingest("default/main", "t1", testChain().write(openBody("a")))).head);
    await openTrail(store, note).record(viewed("g2"));
    await heads.close();

    const report = await verify({
      records: store.raw(),
      heads: readHeadLines(directory),
      publicKey: signer.publicKeyPEM,
    });

    expect(report).toMatchObject({ verdict: "complete", counts: { records: 3, tasks: 2, sessions: 1 } });
  });
});

describe("AuditStore.events", () => {
  it("reads by grant and name, a page at a time", async () => {
    const trail = openTrail();
    for (const grantID of ["g1", "g2", "g1", "g1"]) {
      await trail.record(viewed(grantID));
    }
    await trail.record({ event: "grant.ended", actor: { kind: "Controller", name: "controller" }, grantID: "g1" });

    const first = await store.events({ grantID: "g1", names: ["statements.viewed"], limit: 2 });
    const rest = await store.events({ grantID: "g1", names: ["statements.viewed"], after: first.next ?? 0 });

    expect(first.items.map(({ storeSeq }) => storeSeq)).toEqual([1, 3]);
    expect(rest).toMatchObject({ items: [{ storeSeq: 4 }] });
    expect(rest.next).toBeUndefined();
  });

  it("follows what comes", async () => {
    const trail = openTrail();
    await trail.record(viewed("g1"));
    const seen: string[] = [];

    for await (const { grantID = "" } of store.eventTail({ after: 0, filter: { names: ["statements.viewed"] } })) {
      seen.push(grantID);
      if (grantID === "g2") {
        break;
      }
      await trail.record(viewed("g2"));
    }

    expect(seen).toEqual(["g1", "g2"]);
  });

  it("takes no proxy's record for the controller's, and keeps events out of the tail of statements", async () => {
    const chain = testChain();
    const forged = { kind: "event", event: "grant.approved", actor: { kind: "User", name: "eve" }, about: {} } as const;
    await store.ingest("default/main", "t1", chain.write(openBody("a"), forged));
    await openTrail().record(viewed("g1"));

    const page = store.tail({ after: 0, signal: AbortSignal.timeout(50) });
    const kinds: (string | undefined)[] = [];
    for await (const { record } of page) {
      kinds.push(record?.kind);
    }

    expect((await store.events()).items.map(({ event }) => event)).toEqual(["statements.viewed"]);
    expect(kinds).toEqual(["session.open"]);
  });
});
