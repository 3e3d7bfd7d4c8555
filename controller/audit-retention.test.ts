import { expect, it } from "vitest";
import { localSigner } from "#audit/signing-key.ts";
import { manualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { generateKeyPairSync } from "node:crypto";
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
  const retention = new AuditRetention({ audit, retentionMs: 1, clock, log });

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
