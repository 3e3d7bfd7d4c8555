import { describe, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import type { AccountPort, AwsPorts, IdentityCenterPort, IdentityStorePort } from "#controller/aws/ports.ts";
import { grantReconciler } from "#controller/reconcile/grant/reconciler.ts";
import { liveStatus } from "#controller/reconcile/grant/testing.ts";
import { createLoop, workersDefault } from "#controller/reconcile/loop.ts";
import { aDatabase, aGrant, aWorkflow, memorySource, uidOf } from "#controller/reconcile/testing.ts";
import { grantIDOf } from "#lib/grant-id.ts";
import { inAnHour, policyObjects } from "./world.ts";

/** Ports of an AWS that takes every call and never answers. */
function hangingPorts(): { readonly ports: AwsPorts; readonly calls: () => number } {
  let calls = 0;
  const hang = new Proxy(
    {},
    {
      get: () => () => {
        calls += 1;
        return new Promise(() => {});
      },
    },
  );
  const ports: AwsPorts = {
    instances: () => new Promise(() => {}),
    identityCenter: () => hang as IdentityCenterPort,
    identityStore: () => hang as IdentityStorePort,
    account: () => hang as AccountPort,
  };
  return { ports, calls: () => calls };
}

const count = 4 * workersDefault;

/** Live since now, for an hour. */
function liveGrants(spec: Partial<Parameters<typeof aGrant>[0] & object>["spec"] = {}) {
  const now = new Date().toISOString();
  return Array.from({ length: count }, (_, index) => {
    const uid = uidOf(index + 1);
    const status = liveStatus({ grantID: grantIDOf(uid), activationTime: now, expiryTime: inAnHour() });
    return aGrant({ metadata: { name: `g-${index + 1}`, uid }, spec: { notAfterTime: inAnHour(), ...spec }, status });
  });
}

describe("while AWS answers nothing at all", () => {
  it.each([
    ["a changed workflow", () => aWorkflow({ spec: { maxDurationSeconds: 60 } })],
    ["a changed secret", () => aDatabase({ spec: { roles: [] } })],
  ])(
    "every grant that %s ends is on record, so that proxies are told, though far more than there are workers",
    async (_title, change) => {
      const { ports } = hangingPorts();
      const source = memorySource([...policyObjects(), ...liveGrants()]);
      const told = new Set<string>();
      const { promise, resolve } = Promise.withResolvers<void>();
      const loop = createLoop({
        source,
        reconcilers: [
          grantReconciler({
            source,
            ports,
            clock: systemClock,
            installation: "test",
            random: Math.random,
            onStatusWritten: (grant) => {
              if (grant.status?.end !== undefined) {
                told.add(grant.metadata.name);
              }
              if (told.size === count) {
                resolve();
              }
            },
          }),
        ],
        clock: systemClock,
        random: Math.random,
        log: silentLog,
        newID: () => "run",
        graceMs: 1,
      });
      source.put(change());

      await loop.start();
      await promise;

      expect(told.size).toBe(count);
      void loop.stop();
    },
  );
});
