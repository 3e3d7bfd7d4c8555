import { expect, it } from "vitest";
import { getCondition, type Proxy } from "#kinds/index.ts";
import { manualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { AwsFailure, type AwsPorts } from "../../aws/ports.ts";
import { aProxy, memorySource } from "../testing.ts";
import { deletionTriedMs, proxyReconciler } from "./reconciler.ts";

const key = { kind: "Proxy", namespace: "default", name: "main" } as const;

/** A Proxy that is being deleted while its account does not let anybody in. */
function stage(spec: Partial<Proxy["spec"]> = {}) {
  const clock = manualClock();
  const source = memorySource([aProxy()], () => clock.now());
  source.remove(key, new Date(clock.now()).toISOString());
  const held = source.get("Proxy", "default", "main")?.object as Proxy;
  source.put({ ...held, spec: { ...held.spec, ...spec } });
  const getService = () =>
    Promise.reject(new AwsFailure("denied", "AccessDenied", "sts:AssumeRole", "the role is gone"));
  const ports = { account: () => ({ getService }) } as unknown as AwsPorts;
  const controller = { publicURL: "https://127.0.0.1:8443", pin: `sha256:${"0".repeat(64)}`, installation: "test" };
  const reconciler = proxyReconciler({ source, ports, clock, controller, connectedTasks: () => [] });
  const context = { clock, log: silentLog, signal: new AbortController().signal };
  return {
    clock,
    reconcile: () => reconciler.reconcile(key, context as never),
    proxy: () => source.get("Proxy", "default", "main")?.object as Proxy | undefined,
  };
}

it("a deleted Proxy whose account does not answer says why it stays, until when, and how to let it go", async () => {
  const { clock, reconcile, proxy } = stage();

  const outcome = await reconcile();

  const ready = getCondition(proxy()?.status?.conditions, "Ready");
  expect(outcome.kind).toBe("failed");
  expect(ready).toMatchObject({ status: "False", reason: "DeletionFailed" });
  expect(ready?.message).toContain("the role is gone");
  expect(ready?.message).toContain(new Date(clock.now() + deletionTriedMs).toISOString());
  expect(ready?.message).toContain(
    `kubectl patch proxy main --namespace default --type merge --patch '{"spec":{"deletionPolicy":"Retain"}}'`,
  );
});

it("a deleted Proxy is let go after an hour, whatever AWS says", async () => {
  const { clock, reconcile, proxy } = stage();
  clock.advance(deletionTriedMs + 1);

  expect(await reconcile()).toEqual({ kind: "settled" });
  expect(proxy()).toBeUndefined();
});

it.each([{ deletionPolicy: "Retain" }, { managementPolicy: "Observe" }] as const)(
  "a deleted Proxy whose service is to stay asks AWS nothing and goes at once: %j",
  async (spec) => {
    const { reconcile, proxy } = stage(spec);

    expect(await reconcile()).toEqual({ kind: "settled" });
    expect(proxy()).toBeUndefined();
  },
);
