import { expect, it } from "vitest";
import { type Bench, connected, startBench, tellingScript, told } from "./test-bench.ts";

const allowed = [{ Statement: { Effect: "Allow", Action: "ecs:UpdateTaskProtection", Resource: "*" } }] as const;

/** A task of a service, and how its own process asks the agent. */
async function task(bench: Bench, permissions: (typeof allowed)[number][] = [...allowed]) {
  const role = bench.roles.get("111122223333", "proxy-task");
  if (role !== undefined) {
    role.permissions = permissions;
  }
  const definition = await bench.register(tellingScript);
  await bench.createService(definition);
  const running = await bench.task(connected);
  const { env } = told(await bench.printed(running, "READY"));
  const path = `${new URL(env["ECS_AGENT_URI"] ?? "").pathname}/task-protection/v1/state`;
  const put = (body: unknown) => {
    const answer = bench.ecs.serveTask({ method: "PUT", path, body: Buffer.from(JSON.stringify(body)) });
    return { status: answer?.status, body: JSON.parse(String(answer?.body)) };
  };
  const isProtected = () => bench.ecs.tasks().find((one) => one.arn === running.arn)?.isProtected;
  return { arn: running.arn, put, isProtected };
}

it("a task protects itself through its agent, for as long as it says", async () => {
  await using bench = startBench();
  const { arn, put, isProtected } = await task(bench);

  const on = put({ ProtectionEnabled: true, ExpiresInMinutes: 60 });
  const during = isProtected();
  const off = put({ ProtectionEnabled: false });

  expect(on).toMatchObject({ status: 200, body: { protection: { ProtectionEnabled: true, TaskArn: arn } } });
  expect(Date.parse(on.body.protection.ExpirationDate) - Date.now()).toBeGreaterThan(3_000_000);
  expect([during, isProtected()]).toEqual([true, false]);
  expect(off.body).toEqual({ protection: { ProtectionEnabled: false, TaskArn: arn } });
});

it("the agent acts with the task's role, and says what it may not", async () => {
  await using bench = startBench();
  const { put, isProtected } = await task(bench, []);

  const { status, body } = put({ ProtectionEnabled: true });

  expect([status, body.error.Code, isProtected()]).toEqual([400, "AccessDeniedException", false]);
  expect(body.error.Message).toContain("ecs:UpdateTaskProtection");
});

it("takes no protection of more than 48 hours", async () => {
  await using bench = startBench();
  const { put } = await task(bench);

  expect(put({ ProtectionEnabled: true, ExpiresInMinutes: 2_881 }).body.error.Code).toBe("InvalidParameterException");
});
