import { expect, it } from "vitest";
import type { TaskHead } from "#audit/store/store.ts";
import { manualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { GoneTasks, type GoneTasksOptions } from "./gone-tasks.ts";

const arn = (task: string): string => `arn:aws:ecs:eu-west-1:111122223333:task/c/${task}`;
const ecs = { clusterName: "c", serviceName: "s", containerName: "proxy" };

function setUp(listed: { taskARN: string; lastStatus: string }[], linked: string[], proxyExists = true) {
  const ended: string[] = [];
  const heads = ["running", "linked", "stopped", "lost"].map((task) => ({ proxy: "default/main", task }) as TaskHead);
  const gone = new GoneTasks({
    source: { get: () => (proxyExists ? { object: { spec: { ecs } } } : undefined) },
    clock: manualClock(),
    log: silentLog,
    account: () => ({ listTasks: async () => listed }),
    heads: async () => heads,
    headLog: { endTask: (_: string, task: string) => void ended.push(task) },
    linkedTasks: () => linked.map((task) => ({ taskARN: arn(task) })),
  } as unknown as GoneTasksOptions);
  return { gone, ended };
}

it("ends the chains of tasks that neither ECS nor a link knows, once", async () => {
  const listed = [
    { taskARN: arn("running"), lastStatus: "RUNNING" },
    { taskARN: arn("stopped"), lastStatus: "STOPPED" },
  ];
  const { gone, ended } = setUp(listed, ["linked"]);

  await gone.look();
  await gone.look();

  expect(ended).toEqual(["stopped", "lost"]);
});

it("judges nothing about a Proxy that was deleted: its tasks may still be draining", async () => {
  const { gone, ended } = setUp([], [], false);

  await gone.look();

  expect(ended).toEqual([]);
});
