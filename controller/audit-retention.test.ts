import { expect, it } from "vitest";
import { signHead } from "#audit/head-line.ts";
import { localSigner } from "#audit/signing-key.ts";
import { manualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { generateKeyPairSync } from "node:crypto";
import { RetentionHold } from "./audit-retention-hold.ts";
import { AuditRetention, type AuditRetentionOptions, retentionPeriodMs } from "./audit-retention.ts";

it("waits for what audit sinks have not confirmed", async () => {
  const clock = manualClock();
  let needed = 7;
  const removed: number[] = [];
  let looked = Promise.withResolvers<void>();
  const store = {
    expired: () => Promise.resolve({ upTo: 7, before: new Date(clock.now()).toISOString() }),
    raw: async function* () {},
    remove: (upTo: number) => Promise.resolve(void removed.push(upTo)),
  };
  const audit = {
    store,
    heads: { flush: () => Promise.resolve() },
    headLines: async function* () {},
    publicKeyPEM: localSigner(generateKeyPairSync("ed25519").privateKey).publicKeyPEM,
    positionNeeded: () => {
      queueMicrotask(() => looked.resolve());
      return needed;
    },
  } as unknown as AuditRetentionOptions["audit"];
  const log = silentLog;
  const retention = new AuditRetention({ audit, retentionMs: 1, clock, log, hold: new RetentionHold() });

  retention.start();
  await looked.promise;
  const before = [...removed];
  needed = 8;
  looked = Promise.withResolvers();
  await expect
    .poll(() => {
      clock.advance(retentionPeriodMs);
      return removed;
    })
    .toContain(7);
  retention.stop();

  expect(before).toEqual([]);
});

it("tells of a clock that may have jumped ahead, removes nothing by it, and says when it will", async () => {
  const clock = manualClock();
  const { privateKey } = generateKeyPairSync("ed25519");
  const body = { v: 1, line: 1, prevLine: null, installation: "test", proxy: "default/main", task: "t1" } as const;
  const chains = { seq: 1, chainSeq: 1, chainHead: null, openSessions: [] };
  const line = signHead({ ...body, ...chains, time: new Date(clock.now()).toISOString() }, privateKey);
  clock.advance(365 * 24 * retentionPeriodMs);
  const audit = {
    store: {
      expired: () => Promise.resolve({ upTo: 7, before: new Date(clock.now()).toISOString() }),
      remove: () => expect.fail("removed"),
    },
    heads: { flush: () => Promise.resolve() },
    headLines: async function* () {
      yield line;
    },
    publicKeyPEM: localSigner(privateKey).publicKeyPEM,
  } as unknown as AuditRetentionOptions["audit"];
  const hold = new RetentionHold();
  const told = Promise.withResolvers<unknown>();
  const log = { ...silentLog, error: (message: string, fields?: object) => told.resolve({ message, ...fields }) };

  const retention = new AuditRetention({ audit, retentionMs: 1, clock, log, hold });
  retention.start();
  const said = await told.promise;
  retention.stop();

  expect(said).toMatchObject({
    message: "no old audit records are removed: the clock may have jumped ahead",
    silentHours: 365 * 24,
    believedFrom: "2027-01-04T00:00:00.000Z",
  });
  expect([hold.value, hold.problems()]).toEqual([1, [expect.stringContaining("before 2027-01-04T00:00:00.000Z")]]);
});
