import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { loadSigningKey } from "#audit/signing-key.ts";
import type { StatementEvent, VerifyReport } from "#wire/control-api.ts";
import { connectAs, connected, json } from "../e2e/support.ts";
import { startStoreStand, type StoreStand } from "../harness/audit-postgres.ts";
import { controlPlaneMissing, kubectlMissing } from "../harness/control-plane.ts";
import { signInDirectly, untilProxyLinked } from "../harness/installation.ts";
import { eventually, startSallyport } from "../harness/process.ts";
import { type Cluster, leaderOf, startCluster } from "./replicas.ts";

const missing = controlPlaneMissing() ?? kubectlMissing();
let folder: string;
let stand: StoreStand;
let cluster: Cluster;

beforeAll(async () => {
  if (missing !== undefined) {
    return;
  }
  folder = mkdtempSync(path.join(tmpdir(), "shared-trail-"));
  stand = await startStoreStand();
  const { user, password, host, port, database, tls } = stand.address;
  const url = `postgres://${user}:${password?.reveal()}@${host}:${port}/${database}?sslrootcert=${tls?.caFile}`;
  writeFileSync(path.join(folder, "store-url"), `${url}\n`, { mode: 0o600 });
  loadSigningKey(path.join(folder, "heads.pem"));
  cluster = await startCluster({
    "audit-store-url-file": path.join(folder, "store-url"),
    "head-key": path.join(folder, "heads.pem"),
  });
  await cluster.addReplica();
  await untilProxyLinked(cluster.installation);
  await signInDirectly(cluster.installation, "ada");
  await signInDirectly(cluster.installation, "margaret");
});
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  await stand?.server.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(({ skip }) => skip(missing !== undefined, missing));

const texts = async (): Promise<(string | undefined)[]> => {
  const { items } = await json<{ items: StatementEvent[] }>(cluster.installation, "margaret", "audit", "search");
  return items.map(({ sql }) => sql).filter((sql) => sql?.includes("leads"));
};

it("replicas that share the store show the whole trail after a change of leader, and prove it", async () => {
  const { installation } = cluster;
  await cluster.ask("live", "ada", "app_owner");
  await cluster.kubectl("wait", "--for=condition=Active", "grant/live", "--timeout=40s");
  const tail = installation.run("margaret", ["audit", "tail", "--after", "0", "--text", "leads", "--output", "json"]);
  const { proxy: tunnel, url } = await connectAs(installation, "ada", "app_owner");
  const { client } = await connected(url);
  await client.query("select 'while the first one leads'");
  await eventually("the first replica has stored it", async () => ((await texts()).length > 0 ? true : undefined));

  const leader = await leaderOf(cluster);
  leader.process.kill("SIGKILL");
  await client.query("select 'while nobody leads'");
  const next = cluster.replicas.find((replica) => replica !== leader)!;
  await next.process.line((line) => line.includes('"proxy linked"'));
  await client.query("select 'while the second one leads'");
  await client.end();
  tunnel.kill("SIGINT");
  await tunnel.exited;
  const seen = await eventually("all statements are found", async () => {
    const found = await texts();
    return found.length === 3 ? found : undefined;
  });
  await tail.line((line) => line.includes('"statement":3,"outcome":"ok"'));
  tail.kill("SIGINT");
  await tail.exited;

  expect(seen).toEqual(["second one", "nobody", "first one"].map((who) => expect.stringContaining(who)));
  const followed = tail.lines.map((line) => (JSON.parse(line) as StatementEvent).storeSeq);
  expect(followed).toEqual([...new Set(followed)].toSorted((one, other) => one - other));
  const report = await json<VerifyReport>(installation, "margaret", "audit", "verify");
  expect(report).toMatchObject({ verdict: "complete", findings: [] });
  // Both signed lines of one log, and each has its own.
  const [lines] = await stand.server.query<{ lines: number; tasks: number }>(
    `SELECT count(*)::int AS lines FROM sallyport_audit.head_lines`,
  );
  expect(lines?.lines).toBeGreaterThan(1);
});

it("statements are seen live, and a session is killed, on a replica that does not lead", async () => {
  const { installation } = cluster;
  const standby = await cluster.addReplica();
  expect(standby).not.toBe(await leaderOf(cluster));
  const at = (person: string, ...args: readonly string[]) =>
    startSallyport(args, {
      ...installation.environmentOf(person),
      SALLYPORT_URL: `https://127.0.0.1:${standby.port}`,
    });
  const { proxy: tunnel, url } = await connectAs(installation, "ada", "app_owner");
  const { client } = await connected(url);
  const tail = at("margaret", "audit", "tail", "--text", "on_any_replica", "--after", "0", "--output", "json");
  const running = client.query("select pg_sleep(300) as on_any_replica").catch((error: Error) => error.message);
  const line = await tail.line((text) => text.includes("on_any_replica"));
  const { session } = JSON.parse(line) as StatementEvent;

  const kill = at("ada", "sessions", "kill", session, "--reason", "seen on another replica");

  expect(await kill.exited).toBe(0);
  expect(await running).toContain("seen on another replica");
  tail.kill("SIGINT");
  tunnel.kill("SIGINT");
  await Promise.all([tail.exited, tunnel.exited]);
});

it("an auditor takes all of it out and proves it offline", async () => {
  const { installation } = cluster;
  const file = path.join(folder, "trail.jsonl");
  const keys = path.join(folder, "public.pem");

  const exported = await json<{ records: number }>(installation, "margaret", "audit", "export", "--to", file);
  const key = await json<{ publicKeyPEM: string }>(installation, "margaret", "audit", "public-key");
  writeFileSync(keys, key.publicKeyPEM);
  const proof = ["audit", "verify", "--export", file, "--public-key", keys];
  const report = await json<VerifyReport & { proves: string[] }>(installation, "margaret", ...proof);
  const mayNot = installation.run("ada", ["audit", "export", "--to", path.join(folder, "no.jsonl")]);

  expect(exported.records).toBeGreaterThan(8);
  expect(report).toMatchObject({ verdict: "complete", findings: [], records: exported.records });
  expect(await mayNot.exited).toBe(1);
});

it("what one replica signed and the store lost is missed", async () => {
  await stand.server.query(
    "DELETE FROM sallyport_audit.head_lines WHERE line = (SELECT max(line) FROM sallyport_audit.head_lines)",
  );

  const command = cluster.installation.run("margaret", ["audit", "verify", "--output", "json"]);

  expect(await command.exited).toBe(1);
  const report = JSON.parse(command.lines.join("\n")) as VerifyReport;
  expect(report.verdict).toBe("broken");
  expect(report.findings.map(({ kind }) => kind)).toContain("head-removed");
});
