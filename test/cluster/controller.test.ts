import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { controlPlaneMissing, kubectlMissing } from "../harness/control-plane.ts";
import { untilProxyLinked } from "../harness/installation.ts";
import { eventually } from "../harness/process.ts";
import { connectAs, connected, json } from "../e2e/support.ts";
import { signInDirectly } from "../harness/installation.ts";
import { type Cluster, leaderOf, type Replica, startCluster } from "./replicas.ts";

const missing = controlPlaneMissing() ?? kubectlMissing();
let cluster: Cluster;
beforeAll(async () => {
  if (missing === undefined) {
    cluster = await startCluster();
    await untilProxyLinked(cluster.installation);
    await signInDirectly(cluster.installation, "ada");
  }
});
afterAll(() => cluster?.[Symbol.asyncDispose]());
beforeEach(({ skip }) => skip(missing !== undefined, missing));

/** The grant ID, once `kubectl wait` says that access is live. */
async function active(name: string): Promise<string> {
  await cluster.kubectl("wait", "--for=condition=Active", `grant/${name}`, "--timeout=40s");
  return cluster.kubectl("get", "grant", name, "-o", "jsonpath={.status.grantID}");
}

const setNames = (): string[] =>
  [...cluster.installation.sandbox.state.permissionSets.values()].map(({ name }) => name);
const mutations = () => cluster.installation.sandbox.calls.filter(({ mutationIndex }) => mutationIndex >= 0);
const made = (operation: string, name?: string): number =>
  mutations().filter(
    (call) =>
      call.operation === operation && call.outcome === "ok" && (name === undefined || call.input["Name"] === name),
  ).length;

describe("a Grant in a cluster", () => {
  it("is applied, waited for, listed, told of and deleted with kubectl, and AWS follows", async () => {
    await cluster.ask("one", "ada", "app_owner");
    const grantID = await active("one");

    expect(setNames()).toContain(grantID);
    const listed = await cluster.kubectl("get", "access");
    expect(listed).toMatch(/grant\S*\/one .*True/);
    expect(listed).toMatch(/proxy\S*\/main/);
    const told = await eventually("the Event is there", async () => {
      const events = await cluster.kubectl("get", "events.events.k8s.io", "--field-selector", "regarding.name=one");
      return events.includes("GrantActivated") ? events : undefined;
    });
    expect(told).not.toContain("INC-42");

    await cluster.kubectl("delete", "grant", "one", "--timeout=40s");

    expect(setNames()).not.toContain(grantID);
  });
});

describe("two replicas", () => {
  it("serve people and proxies whichever of them is asked, and one of them acts", async () => {
    await cluster.addReplica();

    // The Service gives every second connection to the replica that stands by.
    for (let tries = 0; tries < 4; tries += 1) {
      const { items } = await json<{ items: unknown[] }>(cluster.installation, "ada", "grants", "list");
      expect(items).toBeInstanceOf(Array);
    }
    const led = cluster.replicas.filter(({ process }) =>
      process.lines.some((line) => line.includes("this replica leads")),
    );
    expect(led).toHaveLength(1);
  });

  it("take over from each other when the leader is killed: nothing is lost, nothing is made twice", async () => {
    await cluster.ask("live", "ada", "app_owner");
    const liveID = await active("live");
    const leader = await leaderOf(cluster);
    const other = cluster.replicas.find((replica) => replica !== leader) as Replica;
    const { proxy: tunnel, url } = await connectAs(cluster.installation, "ada", "app_owner");
    const { client } = await connected(url);
    await client.query("select 'while the first one leads'");
    await eventually("the first replica has stored the statement", async () => {
      const args = ["audit", "search", "--text", "while the first one leads"];
      const { items } = await json<{ items: readonly unknown[] }>(cluster.installation, "ada", ...args);
      return items.length > 0 ? true : undefined;
    });
    await cluster.ask("pending", "grace", "read_only");

    leader.process.kill("SIGKILL");
    await client.query("select 'while nobody leads'");
    const pendingID = await active("pending");
    await other.process.line((line) => line.includes('"proxy linked"'));
    await client.query("select 'while the second one leads'");
    await client.end();
    tunnel.kill("SIGINT");
    await tunnel.exited;

    expect(setNames().filter((name) => name === liveID)).toHaveLength(1);
    expect(made("CreatePermissionSet", liveID)).toBe(1);
    expect(made("CreatePermissionSet", pendingID)).toBe(1);
    const { items } = await json<{ items: { grantID: string }[] }>(cluster.installation, "ada", "grants", "list");
    expect(items.map(({ grantID }) => grantID)).toContain(liveID);
    await cluster.kubectl("delete", "grant", "live", "pending", "--timeout=40s");
    expect(setNames()).not.toContain(liveID);
  });

  it("hand over at once when the leader is stopped in order", async () => {
    const leader = await leaderOf(cluster);
    await cluster.addReplica();

    leader.process.kill("SIGTERM");

    expect(await leader.process.exited).toBe(0);
    expect(leader.process.lines.some((line) => line.includes('"the lease is released"'))).toBe(true);
    expect(await leaderOf(cluster)).not.toBe(leader);
  });
});

describe("a leader that is stopped (SIGSTOP)", () => {
  it("is replaced, writes nothing to AWS when it goes on, and ends", async () => {
    const leader = await leaderOf(cluster);
    await cluster.addReplica();
    await cluster.ask("frozen", "ada", "app_owner");
    await active("frozen");

    leader.process.kill("SIGSTOP");
    const next = await eventually("another replica leads", async () => {
      const now = await leaderOf(cluster);
      return now === leader ? undefined : now;
    });
    await cluster.kubectl("delete", "grant", "frozen", "--timeout=40s");
    const writes = mutations().length;
    leader.process.kill("SIGCONT");

    expect(await leader.process.exited).toBe(1);
    expect(mutations()).toHaveLength(writes);
    expect(await leaderOf(cluster)).toBe(next);
  });
});

describe("a lease that somebody else took", () => {
  it("ends its former holder, which writes nothing to AWS any more, not even what was asked just then", async () => {
    const leader = await leaderOf(cluster);
    await cluster.ask("before", "ada", "app_owner");
    await active("before");
    const lease = ["--namespace", "sallyport-system", "patch", "lease", "sallyport", "--type=merge"];

    await cluster.plane.kubectl([...lease, "--patch", '{"spec":{"holderIdentity":"thief","leaseDurationSeconds":4}}']);
    const code = await leader.process.exited;
    const writes = mutations().length;
    await cluster.ask("after", "grace", "read_only");
    await cluster.kubectl("delete", "grant", "before", "--wait=false");

    expect(code).toBe(1);
    expect(mutations()).toHaveLength(writes);
    expect(leader.process.lines.some((line) => line.includes('"controller ends at once"'))).toBe(true);

    const next = await cluster.addReplica();
    await next.process.line((line) => line.includes('"this replica leads"'));
    await active("after");
    await cluster.kubectl("wait", "--for=delete", "grant/before", "--timeout=40s");
  });
});

describe("the audit trail", () => {
  it("is complete across the replicas that kept it in turn, and not without one of them", async () => {
    for (const { process } of cluster.replicas) {
      process.kill("SIGTERM");
      await process.exited;
    }
    const kept = cluster.replicas.map(({ state }) => state);
    const verified = async (states: readonly string[]) => {
      const flags = states.flatMap((state) => ["--state", state]);
      const command = cluster.installation.run("ada", ["audit", "verify", ...flags, "--output", "json"]);
      await command.exited;
      return JSON.parse(command.lines.join("\n")) as { verdict: string; records: number; findings: unknown[] };
    };

    const whole = await verified(kept);
    const withoutFirst = await verified(kept.slice(1));

    expect(whole.findings).toEqual([]);
    expect(whole.verdict).toBe("complete");
    expect(whole.records).toBeGreaterThan(6);
    expect(withoutFirst.verdict).toBe("broken");
  });
});
