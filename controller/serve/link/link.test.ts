import { afterEach, describe, expect, it } from "vitest";
import { type Challenge, encodeAuditBatch, linkVersion, type LinkGrant, type ProveTask } from "#wire/link.ts";
import { aGrant, aProxy } from "../../reconcile/testing.ts";
import { type LinkStand, type LinkWorld, proof, startLinkStand, taskARN, taskID } from "#test/serve/link-stand.ts";
import { pingPeriodMs, proveTimeoutMs, silenceMaxMs } from "./link.ts";
import { batchesWaitingMax } from "./ingestion.ts";
import { unprovenBytesMax } from "./unproven.ts";

let stand: LinkStand;
afterEach(() => stand[Symbol.asyncDispose]());

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const pong = (id: number) => ({ type: "pong", id, time: new Date(stand.clock.now()).toISOString() }) as const;

describe("a task that links", () => {
  it("is challenged, accepted, and told of its grants before any change", async () => {
    const grant = aGrant({ status: { grantID: "g1", target: { proxy: "main" } } as never });
    const others = aGrant({ metadata: { name: "other" }, status: { target: { proxy: "other" } } as never });
    const linkGrant = { grantID: "g1" } as LinkGrant;
    stand = await startLinkStand({
      objects: [aProxy(), grant, others],
      audit: { acknowledged: async () => 7, ingest: async () => 0 },
      links: { linkGrantOf: () => linkGrant },
    });

    const task = await stand.connect();
    const challenge = (await task.hear("challenge")) as Challenge;
    task.say(proof(challenge, stand.clock));

    expect(challenge).toMatchObject({ version: linkVersion, installation: "test" });
    expect(await task.hear()).toMatchObject({ type: "accepted", auditAcknowledged: 7, policy: { warnBeforeEndMs: 3 } });
    expect(await task.hear()).toMatchObject({ type: "grants", grants: [linkGrant] });
    stand.links.grantChanged(others);
    stand.links.grantChanged(grant);
    expect(await task.hear()).toMatchObject({ type: "grant", grant: linkGrant });
    expect(stand.links.tasksOf("default/main")).toEqual([{ taskARN, version: "0.1.0", skewMs: 0 }]);
    expect(stand.events).toEqual(["changed default/main"]);
  });

  it("gets another nonce each time", async () => {
    stand = await startLinkStand();

    const nonces = await Promise.all(
      [1, 2, 3].map(async () => ((await (await stand.connect()).hear("challenge")) as Challenge).nonce),
    );

    expect(new Set(nonces).size).toBe(3);
  });

  it.each<[string, Partial<LinkWorld>, Partial<ProveTask>, string]>([
    ["of a Proxy that is not there", {}, { proxy: "default/none" }, "there is no Proxy default/none"],
    ["of a Proxy with a name of three parts", {}, { proxy: "default/main/x" }, "there is no Proxy"],
    ["of another cluster", {}, { taskARN: taskARN.replace("/sallyport/", "/other/") }, "does not run in the account"],
    ["of another account", {}, { taskARN: taskARN.replace("111122223333", "999988887777") }, "does not run in the"],
    ["that is no ARN", {}, { taskARN: "x" }, "does not run in the account"],
    [
      "whose proof is old",
      {},
      { proof: { ...proofOf("20200101T000000Z") } },
      "was refused: the identity proof was signed",
    ],
    ["whose role only looks alike", { roleID: "AROAOTHER" }, {}, "not that of this task's role"],
    ["whose role is another account's", { accountID: "999988887777" }, {}, "not that of this task's role"],
    ["whose session is another task's", { sessionName: "f".repeat(32) }, {}, "not that of this task's role"],
    ["whose role IAM does not know", { taskRoleID: undefined }, {}, "state spec.service.taskRoleARN"],
    ["that ECS does not list", { tasks: [] }, {}, "ECS lists no such task"],
    ["that has stopped", { tasks: [{ taskARN, lastStatus: "STOPPED" }] }, {}, "ECS lists no such task"],
    ["while another runs", { tasks: [{ taskARN: "other", lastStatus: "RUNNING" }] }, {}, "ECS lists no such task"],
  ])("is refused %s, with the reason, and learns of no grant", async (_, world, change, why) => {
    stand = await startLinkStand();
    Object.assign(stand.world, world);
    const task = await stand.connect();

    task.say(proof((await task.hear("challenge")) as Challenge, stand.clock, change));

    expect(await task.hear()).toEqual({ type: "refused", message: expect.stringContaining(why) });
    expect(await task.closed).toEqual({ code: 1008, reason: "refused" });
    expect(stand.links.tasksOf("default/main")).toEqual([]);
    expect(stand.log.join()).not.toContain("signature");
  });

  it("cannot claim a second Proxy that names the same service", async () => {
    const second = aProxy();
    const metadata = { ...second.metadata, name: "second", creationTimestamp: "2099-01-01T00:00:00Z" };
    stand = await startLinkStand({ objects: [aProxy(), { ...second, metadata }] });
    const task = await stand.connect();

    task.say(proof((await task.hear("challenge")) as Challenge, stand.clock, { proxy: "default/second" }));

    expect(await task.hear()).toEqual({
      type: "refused",
      message: expect.stringContaining("belongs to the Proxy default/main"),
    });
  });

  it("is not refused for good when AWS fails: it may come again", async () => {
    stand = await startLinkStand({
      audit: { acknowledged: () => Promise.reject(new Error("disk")), ingest: async () => 0 },
    });
    const task = await stand.connect();

    task.say(proof((await task.hear("challenge")) as Challenge, stand.clock));

    expect(await task.closed).toEqual({ code: 1011, reason: "the controller could not check this task" });
  });

  it("that went away while it was checked is not registered", async () => {
    const checking = Promise.withResolvers<number>();
    stand = await startLinkStand({ audit: { acknowledged: () => checking.promise, ingest: async () => 0 } });
    const task = await stand.connect();
    task.say(proof((await task.hear("challenge")) as Challenge, stand.clock));
    task.socket.terminate();
    await task.closed;
    // A whole round trip of another connection: the end of the first has arrived by then.
    await (await stand.connect()).hear("challenge");

    checking.resolve(0);
    await settle();

    expect(stand.links.tasksOf("default/main")).toEqual([]);
    expect(stand.events).toEqual([]);
  });
});

describe("a connection without a proof", () => {
  it.each<[string, (task: Awaited<ReturnType<LinkStand["connect"]>>) => void, string]>([
    ["sends audit records", (task) => task.socket.send(encodeAuditBatch([])), "audit before the identity proof"],
    ["sends another message", (task) => task.say(pong(1)), "a message before the identity proof"],
    ["sends no JSON", (task) => task.socket.send("{"), "unexpected message"],
    [
      "sends a message with more than its fields",
      (task) => task.socket.send('{"type":"pong","x":1}'),
      "unexpected message",
    ],
  ])("that %s is closed", async (_, send, reason) => {
    stand = await startLinkStand();
    const task = await stand.connect();

    send(task);

    expect(await task.closed).toEqual({ code: 1008, reason });
  });

  it("that proves twice is closed", async () => {
    stand = await startLinkStand();
    const task = await stand.connect();
    const message = proof((await task.hear("challenge")) as Challenge, stand.clock);

    task.say(message);
    task.say(message);

    expect(await task.closed).toEqual({ code: 1008, reason: "proven twice" });
  });

  it("that says nothing is closed in time", async () => {
    stand = await startLinkStand();
    const task = await stand.connect();

    stand.clock.advance(proveTimeoutMs);

    expect(await task.closed).toEqual({ code: 1008, reason: "no identity proof in time" });
  });

  it("may not make the controller hold more than it needs for a proof", async () => {
    stand = await startLinkStand();
    const task = await stand.connect();
    await task.hear("challenge");
    let sent = 0;

    // A message of 16 MiB is announced and never finished.
    while (task.socket.readyState === task.socket.OPEN && sent < 1_000) {
      task.socket.send(Buffer.alloc(1_024), { fin: false, binary: true });
      sent += 1;
      await settle();
    }

    expect((await task.closed).code).toBe(1006);
    expect(sent * 1_024).toBeLessThan(unprovenBytesMax * 3);
  });

  it("that is not for the link's path is told so", async () => {
    stand = await startLinkStand();

    await expect(stand.connect("/v1/other")).rejects.toThrow("404");
  });
});

describe("a linked task", () => {
  it("may send a message that is larger than an unproven one", async () => {
    const sizes: number[] = [];
    stand = await startLinkStand({
      audit: {
        acknowledged: async () => 0,
        ingest: async (_, __, records) => {
          sizes.push(records[0]?.length ?? 0);
          return 1;
        },
      },
    });
    const task = await stand.linked();
    await task.hear("grants");

    task.socket.send(encodeAuditBatch([Buffer.alloc(2_000_000)]));

    expect(await task.hear()).toEqual({ type: "audit-ack", seq: 1 });
    expect(sizes).toEqual([2_000_000]);
  });

  it("has its batches stored in the order they came, one at a time, each acknowledged when it is stored", async () => {
    const gates: PromiseWithResolvers<number>[] = [];
    const stored: string[] = [];
    stand = await startLinkStand({
      audit: {
        acknowledged: async () => 0,
        ingest: (proxy, task, [record]) => {
          stored.push(`${proxy} ${task} ${record?.toString()}`);
          gates.push(Promise.withResolvers());
          return gates.at(-1)?.promise as Promise<number>;
        },
      },
    });
    const task = await stand.linked();
    await task.hear("grants");

    task.socket.send(encodeAuditBatch([Buffer.from("one")]));
    task.socket.send(encodeAuditBatch([Buffer.from("two")]));
    while (gates.length === 0) {
      await settle();
    }
    await settle();
    expect(stored).toEqual([`default/main ${taskID} one`]);
    gates[0]?.resolve(10);
    expect(await task.hear()).toEqual({ type: "audit-ack", seq: 10 });
    while (gates.length === 1) {
      await settle();
    }
    gates[1]?.resolve(20);

    expect(await task.hear()).toEqual({ type: "audit-ack", seq: 20 });
  });

  it("is closed when a batch cannot be stored, and nothing behind the lost one is stored", async () => {
    const stored: string[] = [];
    stand = await startLinkStand({
      audit: {
        acknowledged: async () => 0,
        ingest: async (_, __, [record]) => {
          stored.push(record?.toString() ?? "");
          throw new Error("disk full");
        },
      },
    });
    const task = await stand.linked();
    await task.hear("grants");

    for (const text of ["one", "two", "three"]) {
      task.socket.send(encodeAuditBatch([Buffer.from(text)]));
    }

    expect(await task.closed).toEqual({ code: 1011, reason: "audit could not be stored" });
    expect(stored).toEqual(["one"]);
  });

  it("is closed when a batch is cut short, and nothing of it is stored", async () => {
    let ingested = 0;
    stand = await startLinkStand({
      audit: { acknowledged: async () => 0, ingest: async () => (ingested += 1) },
    });
    const task = await stand.linked();

    task.socket.send(encodeAuditBatch([Buffer.from("one")]).subarray(0, 6));

    expect((await task.closed).code).toBe(1011);
    expect(ingested).toBe(0);
  });

  it("is held back when it ships faster than the store takes, and goes on when there is room", async () => {
    const gate = Promise.withResolvers<void>();
    let ingested = 0;
    stand = await startLinkStand({
      audit: {
        acknowledged: async () => 0,
        ingest: async () => {
          await gate.promise;
          ingested += 1;
          return ingested;
        },
      },
    });
    const task = await stand.linked();
    await task.hear("grants");
    const total = batchesWaitingMax + 20;
    const megabyte = encodeAuditBatch([Buffer.alloc(1_000_000)]);

    for (let sent = 0; sent < total; sent += 1) {
      task.socket.send(megabyte);
    }
    for (let turn = 0; turn < 200; turn += 1) {
      await settle();
    }
    // What the controller took, and what the kernel holds for it; the rest waits at the proxy.
    expect(task.socket.bufferedAmount).toBeGreaterThan(5_000_000);
    stand.clock.advance(silenceMaxMs + pingPeriodMs);
    gate.resolve();

    let last = 0;
    while (last < total) {
      const message = await task.hear();
      last = message.type === "audit-ack" ? message.seq : last;
    }
    expect(ingested).toBe(total);
  });

  it("is pinged and stays while it answers, and is gone after 30 s of silence", async () => {
    stand = await startLinkStand();
    const task = await stand.linked();
    await task.hear("grants");

    for (let id = 1; id <= 5; id += 1) {
      stand.clock.advance(pingPeriodMs);
      expect(await task.hear()).toMatchObject({ type: "ping", id });
      task.say(pong(id));
      await settle();
      await settle();
    }
    expect(stand.links.tasksOf("default/main")).toHaveLength(1);
    stand.clock.advance(silenceMaxMs + 2 * pingPeriodMs);

    expect((await task.closed).code).toBe(1006);
    await settle();
    expect(stand.links.tasksOf("default/main")).toEqual([]);
  });

  it("tells how far its clock is off", async () => {
    stand = await startLinkStand();
    const task = await stand.linked();
    const time = new Date(stand.clock.now() + 45_000).toISOString();

    task.say({ type: "pong", id: 1, time });
    while (stand.links.tasksOf("default/main")[0]?.skewMs === 0) {
      await settle();
    }

    expect(stand.links.tasksOf("default/main")[0]?.skewMs).toBe(45_000);
  });
});

function proofOf(date: string) {
  const credential = `ASIAEXAMPLE00000000/${date.slice(0, 8)}/eu-west-1/sts/aws4_request`;
  return { credential, date, signature: "0".repeat(64) };
}
