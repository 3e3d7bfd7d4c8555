import { expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import type { Proxy } from "#kinds/index.ts";
import type { AwsPorts } from "../../aws/ports.ts";
import { memorySource } from "../testing.ts";
import type { ConnectedTask } from "./input.ts";
import { linkAgainMs, proxyReconciler } from "./reconciler.ts";
import { controller, link, proxy } from "./testing.ts";

const ready = { type: "Ready", status: "True", reason: "Available", message: "", lastTransitionTime: "" } as const;
const well = {
  observedGeneration: proxy.metadata.generation ?? 0,
  tasks: [{ taskARN: link.taskARN, target: "ecs:sallyport_1_1", connected: true }],
  conditions: [ready],
};

/** A controller that has just been started; what it looks at in AWS ends the run. */
function justStarted(status: NonNullable<Proxy["status"]>, connected: readonly ConnectedTask[]) {
  const clock = manualClock();
  const source = memorySource([{ ...proxy, status }]);
  const ports = {
    account: () => {
      throw new Error("AWS was looked at");
    },
  } as unknown as AwsPorts;
  const reconciler = proxyReconciler({ source, ports, clock, controller, connectedTasks: () => connected });
  const { namespace, name } = proxy.metadata;
  const look = () =>
    reconciler.reconcile(
      { kind: "Proxy", namespace, name },
      { signal: AbortSignal.timeout(60_000), log: silentLog, clock, now: clock.now() },
    );
  return { clock, look };
}

it("a controller that was started again waits for the tasks that were linked, and calls no Proxy broken until then", async () => {
  const { clock, look } = justStarted(well, []);

  const first = await look();
  clock.advance(linkAgainMs);

  expect(first).toMatchObject({ kind: "waiting", untilMs: clock.now() });
  await expect(look()).rejects.toThrow("AWS was looked at");
});

it.each([
  ["all tasks are linked", well, [link]],
  ["it was not well before", { ...well, conditions: [{ ...ready, status: "False" as const }] }, []],
  ["its text has changed", { ...well, observedGeneration: 0 }, []],
  ["no task was linked", { ...well, tasks: [] }, []],
])("looks at once where %s", async (_why, status, connected) => {
  const { look } = justStarted(status, connected);

  await expect(look()).rejects.toThrow("AWS was looked at");
});
