import { existsSync, statSync } from "node:fs";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { accountID, connected, startBench, taskRoleARN, tellingScript, told } from "./test-bench.ts";
import type { Bench } from "./test-bench.ts";

/** Answers SIGTERM with nothing. */
const stubbornScript = `process.on("SIGTERM", () => console.log("NO")); console.log("READY {}"); setInterval(() => {}, 1000);`;

function alive(pid: number | undefined): boolean {
  try {
    process.kill(pid ?? 0, 0);
    return pid !== undefined;
  } catch {
    return false;
  }
}

async function body(bench: Bench, url: string | undefined): Promise<any> {
  const answer = bench.ecs.serveTask({ method: "GET", path: new URL(url ?? "http://none/").pathname });
  return answer?.status === 200 ? JSON.parse(answer.body) : answer?.status;
}

describe("a task's process", () => {
  it("gets the definition's environment, what the platform adds, and nothing of ours", async () => {
    process.env["SANDBOX_OWN_SECRET"] = "leak";
    await using bench = startBench();
    bench.secrets.set(
      "arn:aws:secretsmanager:eu-west-1:111122223333:secret:db-AbCdEf",
      secretRecord('{"password":"pw"}'),
    );
    const definition = await bench.register(tellingScript, {
      environment: [{ name: "SALLYPORT_PROXY", value: "default/main" }],
      secrets: [{ name: "PW", valueFrom: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:db-AbCdEf:password::" }],
    });
    await bench.createService(definition);
    const task = await bench.task(connected);

    const { env } = told(await bench.printed(task, "READY"));

    delete process.env["SANDBOX_OWN_SECRET"];
    expect(env).toEqual({
      SALLYPORT_PROXY: "default/main",
      PW: "pw",
      PATH: expect.stringMatching(/:\/usr\/bin:\/bin$/) as string,
      AWS_REGION: "eu-west-1",
      AWS_CONTAINER_CREDENTIALS_FULL_URI: expect.stringMatching(
        /^http:\/\/127\.0\.0\.1:4599\/_task\/credentials\/[0-9a-f]{48}$/,
      ) as string,
      ECS_CONTAINER_METADATA_URI_V4: expect.stringMatching(
        /^http:\/\/127\.0\.0\.1:4599\/_task\/metadata\/[0-9a-f]{48}-proxy$/,
      ) as string,
      ECS_AGENT_URI: expect.stringMatching(/^http:\/\/127\.0\.0\.1:4599\/_task\/agent\/[0-9a-f]{48}-proxy$/) as string,
      SALLYPORT_LOOPBACK: task.host,
      HOSTNAME: `ip-${task.host?.replaceAll(".", "-")}.eu-west-1.compute.internal`,
    });
  });

  it("has a loopback address that no other task has, of this sandbox or another", async () => {
    await using first = startBench();
    await using second = startBench();
    const listen = `require("node:net").createServer((s) => s.end(process.env.SALLYPORT_LOOPBACK)).listen(9432, process.env.SALLYPORT_LOOPBACK, () => console.log("READY {}"));`;
    await first.createService(await first.register(listen), { desiredCount: 2 });
    await second.createService(await second.register(listen));
    await first.ecs.until(() => (first.ecs.tasks().filter(connected).length === 2 ? true : undefined));
    await second.task(connected);
    const tasks = [first, first, second].map((bench, index) => ({ bench, task: bench.ecs.tasks()[index % 2] }));

    const answers: string[] = [];
    for (const { bench, task } of tasks) {
      const host = task === undefined ? "" : (await bench.printed(task, "READY"), task.host);
      const socket = connect(9432, host ?? "");
      const [data] = (await once(socket, "data")) as [Buffer];
      answers.push(data.toString());
      socket.destroy();
    }

    expect(answers).toEqual(tasks.map(({ task }) => task?.host));
    expect(new Set(answers).size).toBe(3);
    expect(answers.every((address) => /^127\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./.test(address))).toBe(true);
  });

  it("works in a directory of its own, closed to others, which is wiped when the task stops", async () => {
    await using bench = startBench();
    await bench.createService(await bench.register(tellingScript));
    const task = await bench.task(connected);
    const { directory } = told(await bench.printed(task, "READY"));
    const mode = statSync(directory).mode & 0o777;

    await bench.call("UpdateService", { cluster: "main", service: "proxy", desiredCount: 0 });
    await bench.task((one) => one.lastStatus === "STOPPED");

    expect(mode).toBe(0o700);
    expect(existsSync(directory)).toBe(false);
  });

  it("is started again in place, with its storage and address, when its restart policy says so", async () => {
    await using bench = startBench();
    await bench.createService(await bench.register(tellingScript, { restartPolicy: { enabled: true } }));
    const task = await bench.task(connected);
    await bench.printed(task, '"starts":1');
    const pid = bench.ecs.pid(task.arn);

    const sent = bench.ecs.kill(task.arn, "SIGKILL");
    const after = told(await bench.printed(task, '"starts":2'));
    const now = await bench.task((one) => connected(one) && one.restartCount === 1);

    expect(sent).toBe(true);
    expect(now).toMatchObject({ arn: task.arn, host: task.host, lastStatus: "RUNNING", targets: task.targets });
    expect(after.env["SALLYPORT_LOOPBACK"]).toBe(task.host);
    expect(bench.ecs.pid(task.arn)).not.toBe(pid);
    expect(alive(pid)).toBe(false);
  });

  it("ends the task when it is essential and has no restart policy, and the service starts another", async () => {
    await using bench = startBench();
    await bench.createService(await bench.register(tellingScript));
    const task = await bench.task(connected);

    bench.ecs.kill(task.arn, "SIGKILL");
    const stopped = await bench.task((one) => one.arn === task.arn && one.lastStatus === "STOPPED");
    const next = await bench.task((one) => one.arn !== task.arn && connected(one));
    const { tasks } = await bench.call("DescribeTasks", { cluster: "main", tasks: [task.arn] });

    expect(stopped.stoppedReason).toBe("Essential container in task exited");
    expect(tasks[0]).toMatchObject({ stopCode: "EssentialContainerExited", containers: [{ exitCode: 137 }] });
    expect(next.taskID).not.toBe(task.taskID);
  });

  it("gets SIGTERM and, when it will not go, SIGKILL after its stop timeout", async () => {
    await using bench = startBench();
    await bench.createService(await bench.register(stubbornScript, { stopTimeout: 0.2 }));
    const task = await bench.task(connected);
    await bench.printed(task, "READY");

    await bench.call("StopTask", { cluster: "main", task: task.arn, reason: "enough" });
    const stopped = await bench.task((one) => one.arn === task.arn && one.lastStatus === "STOPPED");
    const { tasks } = await bench.call("DescribeTasks", { cluster: "main", tasks: [task.taskID] });

    expect(bench.ecs.logs(task.arn)).toContain("NO");
    expect(stopped.stoppedReason).toBe("enough");
    expect(tasks[0]).toMatchObject({ stopCode: "UserInitiated", containers: [{ exitCode: 137 }] });
  });

  it("takes along whatever it has started", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const call = `require("node:net").connect(${(server.address() as AddressInfo).port}, "127.0.0.1")`;
    const grandchild = once(server, "connection");
    await using bench = startBench();
    const spawn = `require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(call)}], { stdio: "ignore" });`;
    await bench.createService(await bench.register(`${spawn} setInterval(() => {}, 1000);`));
    const [line] = (await grandchild) as [Socket];
    const hungUp = once(line.resume(), "close");
    const task = await bench.task(connected);

    bench.ecs.kill(task.arn, "SIGKILL");
    await hungUp;

    server.close();
    expect(line.closed).toBe(true);
  });
});

describe("a task that cannot start", () => {
  it.each([
    ["its image cannot be found", "missing", {}, {}, "CannotPullContainerError: image not found"],
    [
      "its role does not exist",
      tellingScript,
      {},
      { taskRoleArn: `arn:aws:iam::${accountID}:role/gone` },
      "ECS was unable to assume the role",
    ],
    [
      "its secret does not exist",
      tellingScript,
      { secrets: [{ name: "A", valueFrom: "arn:aws:secretsmanager:eu-west-1:1:secret:no" }] },
      {},
      "ResourceInitializationError",
    ],
  ])("stops with the reason when %s", async (_what, script, container, members, reason) => {
    await using bench = startBench();
    await bench.createService(await bench.register(script, container, members));

    const stopped = await bench.task((task) => task.lastStatus === "STOPPED");
    const { tasks } = await bench.call("DescribeTasks", { cluster: "main", tasks: [stopped.arn] });

    expect(tasks[0]).toMatchObject({ stopCode: "TaskFailedToStart", desiredStatus: "STOPPED" });
    expect(stopped.stoppedReason).toContain(reason);
  });
});

describe("what the platform offers a task", () => {
  it("is credentials of the task role in a session named after the task, the same until they near their end", async () => {
    await using bench = startBench();
    await bench.createService(await bench.register(tellingScript));
    const task = await bench.task(connected);
    const { env } = told(await bench.printed(task, "READY"));

    const first = await body(bench, env["AWS_CONTAINER_CREDENTIALS_FULL_URI"]);
    const second = await body(bench, env["AWS_CONTAINER_CREDENTIALS_FULL_URI"]);
    const record = bench.credentials.find(first.AccessKeyId);

    expect(second).toEqual(first);
    expect(first).toMatchObject({
      RoleArn: taskRoleARN,
      SecretAccessKey: record?.secretAccessKey,
      Token: record?.sessionToken,
    });
    expect(Date.parse(first.Expiration)).toBe(record?.expiresAt);
    expect(record?.arn).toBe(`arn:aws:sts::${accountID}:assumed-role/proxy-task/${task.taskID}`);
  });

  it("is fresh credentials when less than 15 minutes are left, and none once the role is gone", async () => {
    const clock = manualClock();
    await using bench = startBench(clock);
    await bench.createService(await bench.register(tellingScript));
    while (!bench.ecs.tasks().some(connected)) {
      clock.advance(0);
      await new Promise(setImmediate);
    }
    const task = await bench.task(connected);
    const { env } = told(await bench.printed(task, "READY"));
    const give = (): Promise<any> => body(bench, env["AWS_CONTAINER_CREDENTIALS_FULL_URI"]);

    const first = await give();
    clock.advance(6 * 3_600_000 - 15 * 60_000 - 1);
    const same = await give();
    clock.advance(1);
    const fresh = await give();
    bench.roles.remove(bench.roles.byARN(taskRoleARN)?.roleID ?? "");

    expect(same.AccessKeyId).toBe(first.AccessKeyId);
    expect(fresh.AccessKeyId).not.toBe(first.AccessKeyId);
    expect(Date.parse(fresh.Expiration) - clock.now()).toBe(6 * 3_600_000);
    expect(await give()).toBe(404);
  });

  it("is metadata of version 4, of the container and of the task", async () => {
    await using bench = startBench();
    await bench.createService(await bench.register(tellingScript));
    const task = await bench.task(connected);
    const { env } = told(await bench.printed(task, "READY"));
    const base = env["ECS_CONTAINER_METADATA_URI_V4"];

    expect(await body(bench, base)).toMatchObject({ Name: "proxy", KnownStatus: "RUNNING" });
    expect(await body(bench, `${base}/task`)).toMatchObject({
      Cluster: `arn:aws:ecs:eu-west-1:${accountID}:cluster/main`,
      TaskARN: task.arn,
      Family: "proxy",
      Revision: "1",
      KnownStatus: "RUNNING",
      ServiceName: "proxy",
      Containers: [{ Name: "proxy" }],
    });
  });

  it("is nothing to whoever does not know the secret, or once the task has stopped", async () => {
    await using bench = startBench();
    await bench.createService(await bench.register(tellingScript));
    const task = await bench.task(connected);
    const { env } = told(await bench.printed(task, "READY"));
    const url = env["AWS_CONTAINER_CREDENTIALS_FULL_URI"];

    const guessed = await body(bench, `http://x/_task/credentials/${"0".repeat(48)}`);
    const other = await body(bench, url?.replace("credentials", "passwords"));
    await bench.call("UpdateService", { cluster: "main", service: "proxy", desiredCount: 0 });
    await bench.task((one) => one.lastStatus === "STOPPED");

    expect([guessed, other, await body(bench, url)]).toEqual([404, 404, 404]);
    expect(bench.ecs.serveTask({ method: "GET", path: "/" })).toBeUndefined();
  });
});

function secretRecord(secretString: string) {
  const version = {
    versionID: "1",
    secretString,
    secretBinary: undefined,
    stages: new Set(["AWSCURRENT"]),
    createdAt: 0,
  };
  return {
    arn: "",
    accountID,
    name: "db",
    description: undefined,
    tags: new Map<string, string>(),
    createdAt: 0,
    changedAt: 0,
    versions: new Map([["1", version]]),
  };
}
