import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createConnection } from "mysql2/promise";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { parseDocument } from "yaml";
import { proxyDatabases } from "#cli/rds/proxy.ts";
import { type Clock, systemClock } from "#lib/clock.ts";
import { keys, openTerminal } from "#test/cli/terminal.ts";
import { testComputer } from "#test/cli/world.ts";
import { driverParts } from "#tools/parts/drivers.ts";
import { isMissing } from "#tools/parts/part.ts";
import type { GrantList, GrantView } from "#wire/control-api.ts";
import { type ControlApi, controlApi } from "../harness/control-api.ts";
import { type Installation, signInDirectly, startInstallation, untilProxyLinked } from "../harness/installation.ts";
import { mariadbMissing, startMariaDB } from "../harness/mariadb.ts";
import { freePort } from "../harness/postgres.ts";
import { ended, eventually, repository, type SallyportProcess } from "../harness/process.ts";
import * as support from "./support.ts";

/** What `rds proxy --output json` says. */
interface Event {
  readonly event: string;
  readonly database: string;
  readonly role: string;
  readonly port: number;
  readonly grantID: string;
}

const noMariadb = await mariadbMissing();
const { python } = await driverParts();
let installation: Installation;
let child: SallyportProcess | undefined;

beforeAll(async () => {
  installation = await startInstallation({
    sandbox: { delays: { identityCenterMs: 30 } },
    ...(noMariadb === undefined ? { mysql: startMariaDB } : {}),
  });
  // Longer than the first warning comes before the end, so that an extension can be seen to move it.
  shortenWorkflow();
  await untilProxyLinked(installation);
  await signInDirectly(installation, "ada");
});
afterAll(() => installation?.stop());
beforeEach(() => {
  child = undefined;
  return async () => {
    child?.kill("SIGKILL");
    await child?.exited;
  };
});

function shortenWorkflow(): void {
  const file = path.join(installation.folder, "workflows.yaml");
  const [standard, ...others] = readFileSync(file, "utf8").split("\n---\n");
  const document = parseDocument(standard ?? "");
  document.setIn(["spec", "extension", "durationSeconds"], 600);
  installation.writeManifest("workflows.yaml", [document.toString(), ...others].join("\n---\n"));
}

const run = (...args: string[]): SallyportProcess =>
  (child = installation.run("ada", ["rds", "proxy", "--yes", ...args]));
const said = (process: SallyportProcess): string => process.lines.join("\n");
async function served(...args: string[]): Promise<{ cli: SallyportProcess; url: string }> {
  const port = String(await freePort());
  const cli = run("--database", "orders", "--role", "app_owner", "--port", port, ...args);
  const line = await cli.line((text) => text.includes("connection string"));
  return { cli, url: /postgresql:\S+/.exec(line)?.[0] ?? "" };
}
const eventOf = async (process: SallyportProcess, matches: (event: Event) => boolean): Promise<Event> =>
  JSON.parse(await process.line((line) => line.startsWith("{") && matches(JSON.parse(line) as Event))) as Event;

describe("a way that is lost", () => {
  it("is found again when the proxy's task was killed; the session that was cut says so, and one that comes meanwhile waits", async () => {
    const { cli, url } = await served();
    const { client, lastWords } = await support.connected(url);
    const task = installation.sandbox.ecs.tasks().find(({ lastStatus }) => lastStatus === "RUNNING");

    installation.sandbox.ecs.kill(task?.arn ?? "", "SIGKILL");
    await cli.line((line) => line.includes("[RECONNECTING]"));
    await cli.line((line) => line.includes("[RECONNECTED]"));
    const again = await support.connected(url);
    const { rows } = await again.client.query("select 1 as works");

    expect(rows).toEqual([{ works: 1 }]);
    expect(lastWords()).toContain("the way to the database was lost in the middle of this session");
    await expect(client.query("select 1")).rejects.toThrow();
    await again.client.end();
    cli.kill("SIGINT");
    expect(await ended(cli)).toBe(0);
  });

  it("is found again when the SSM session was ended from outside, as an administrator or the service does", async () => {
    const { cli, url } = await served();
    const open = installation.sandbox.ssm.sessions().filter(({ endedBy }) => endedBy === undefined);

    for (const { sessionID } of open) {
      installation.sandbox.ssm.terminate(sessionID, "Ended by an administrator.");
    }
    await cli.line((line) => line.includes("[RECONNECTED]"));
    const { client } = await support.connected(url);

    expect((await client.query("select 1 as works")).rows).toEqual([{ works: 1 }]);
    expect(said(cli)).toContain("[RECONNECTING] Ended by an administrator.");
    await client.end();
    cli.kill("SIGINT");
    expect(await ended(cli)).toBe(0);
  });

  it("of a websocket alone is not even noticed: the session in it goes on", async () => {
    const { cli, url } = await served();
    const { client } = await support.connected(url);

    installation.sandbox.ssm.cut();

    expect((await client.query("select 'still here' as is")).rows).toEqual([{ is: "still here" }]);
    expect(said(cli)).not.toContain("RECONNECT");
    await client.end();
    cli.kill("SIGINT");
    expect(await ended(cli)).toBe(0);
  });
});

describe("a computer that slept", () => {
  it("finds its tunnel dead as it wakes, and mends it within seconds: the session in it goes on", async () => {
    const { HOME: home = "", ...environment } = installation.environmentOf("ada");
    for (const [name, value] of Object.entries(environment)) {
      vi.stubEnv(name, value);
    }
    const port = await freePort();
    using computer = testComputer({ environment });
    let sleptMs = 0;
    // Whatever takes half a minute to notice that the network is silent never does here: only a probe can.
    const after: Clock["after"] = (delayMs, fire) => (delayMs > 10_000 ? () => {} : systemClock.after(delayMs, fire));
    const clock = { ...systemClock, now: () => systemClock.now() + sleptMs, after };
    const typed = { database: "orders", role: "app_owner", port: String(port), yes: true };
    const world = { ...computer.world, homeDirectory: home, clock };
    const code = proxyDatabases({ positionals: [], options: typed, world });
    await computer.hears("connection string");
    const url = `postgresql://app_owner:x@127.0.0.1:${port}/orders?sslmode=disable`;
    const { client } = await support.connected(url);
    await client.query("create temporary table here as select 'still here' as is");

    installation.sandbox.ssm.swallow();
    sleptMs = 60_000;
    const again = await support.connected(url);
    const { rows } = await client.query("table here");

    expect(rows).toEqual([{ is: "still here" }]);
    expect(computer.err()).not.toContain("RECONNECT");
    await Promise.all([client.end(), again.client.end()]);
    computer.stop();
    expect(await code).toBe(0);
    vi.unstubAllEnvs();
  });
});

describe("a command that is run with --exec", () => {
  const exec = (...command: string[]): SallyportProcess =>
    run("--database", "orders", "--role", "app_owner", "--port", "free", "--exec", "--", ...command);

  it("finds the database by its environment, and its exit code is the answer", async ({ skip }) => {
    const missing = support.psqlMissing();
    skip(missing !== undefined, missing);

    const good = exec("psql", "-Atc", "select count(*) from customers");
    expect([await ended(good), good.lines]).toEqual([0, expect.arrayContaining(["200"])]);
    const bad = exec("psql", "-v", "ON_ERROR_STOP=1", "-c", "select no_such_column");

    expect(await ended(bad)).toBe(1);
    expect(said(bad)).toContain("no_such_column");
  });

  it("gets the signals, and ends the tunnel with it", async () => {
    const cli = exec("sh", "-c", 'trap "echo heard; exit 3" TERM; echo started; while :; do sleep 0.1; done');
    await cli.line((line) => line === "started");

    cli.kill("SIGTERM");

    expect(await ended(cli)).toBe(3);
    expect(cli.lines).toContain("heard");
    await eventually("no SSM session is left", () =>
      installation.sandbox.ssm.sessions().every(({ endedBy }) => endedBy !== undefined) ? true : undefined,
    );
  });

  it("that is not there ends with what is wrong, and with the code that shells give", async () => {
    const cli = exec("no-such-program");

    expect(await ended(cli)).toBe(127);
    expect(said(cli)).toContain("the command no-such-program was not found");
  });
});

it("two databases at once have a port each, and go their own ways", async ({ skip }) => {
  skip(noMariadb !== undefined, noMariadb);
  const targets = ["--target", "orders:read_only", "--target", "stock:app_owner"];
  const cli = run(...targets, "--port", "free", "--output", "json");
  const orders = await eventOf(cli, ({ event, database }) => event === "READY" && database === "orders");
  const stock = await eventOf(cli, ({ event, database }) => event === "READY" && database === "stock");
  const { client } = await support.connected(
    `postgresql://read_only:x@127.0.0.1:${orders.port}/orders?sslmode=disable`,
  );
  const other = await createConnection({
    host: "127.0.0.1",
    port: stock.port,
    user: "app_owner",
    password: "x",
    database: "stock",
  });

  await support.json(installation, "ada", "grants", "revoke", stock.grantID, "--reason", "done with it");
  await eventOf(cli, ({ event, database }) => event === "ENDED" && database === "stock");
  const { rows } = await client.query("select 1 as works");

  expect(rows).toEqual([{ works: 1 }]);
  await expect(other.query("select 1")).rejects.toThrow();
  await client.end();
  cli.kill("SIGINT");
  // One of them could not be served for as long as was wanted.
  expect(await ended(cli)).toBe(1);
});

it("a grant is extended by itself before it ends, where that was asked for", async () => {
  const { items } = await support.json<GrantList>(installation, "ada", "grants", "list", "--state", "Active");
  for (const { grantID } of items.filter(({ role }) => role === "read_only")) {
    await support.json(installation, "ada", "grants", "revoke", grantID, "--reason", "a shorter one is wanted");
  }
  installation.writeManifest(
    "grants/short.yaml",
    support.grantManifest("short", "ada", { roleName: "read_only", durationSeconds: 306 }),
  );
  await support.grantReaches(controlApi(installation, "margaret"), "short", "Active");
  const cli = run("--database", "orders", "--role", "read_only", "--port", "free", "--auto-extend");

  const line = await cli.line((text) => text.includes("[EXTENDED]"));

  expect(line).toMatch(/read_only access to orders will now expire in 1[45]m/);
  cli.kill("SIGINT");
  expect(await ended(cli)).toBe(0);
});

it("the grant is given back at the end, where that was asked for", async ({ skip }) => {
  const missing = support.psqlMissing();
  skip(missing !== undefined, missing);
  const grantID = await support.activeGrant(installation, "ada", "app_owner");
  const args = ["--database", "orders", "--role", "app_owner", "--port", "free", "--revoke-after"];

  const cli = run(...args, "--exec", "--", "psql", "-c", "select 1");

  expect(await ended(cli)).toBe(0);
  expect(said(cli)).toContain(`[REVOKED] The grant ${grantID} was given back`);
  await support.grantInState(installation, "ada", "app_owner", "Ended");
});

it("at a terminal a key extends it, and Ctrl-C ends it: whoever is connected is told", async ({ skip }) => {
  skip(isMissing(python), isMissing(python) ? python.missing : "");
  const port = await freePort();
  const args = ["rds", "proxy", "--database", "orders", "--role", "read_only", "--port", String(port), "--yes"];
  const environment = installation.environmentOf("ada");
  const program = [process.execPath, path.join(repository, "cli", "main.ts")];
  const terminal = openTerminal(isMissing(python) ? "" : python.file, [...program, ...args], { environment });
  await terminal.shows(/connection string/);
  const { lastWords } = await support.connected(`postgresql://read_only:x@127.0.0.1:${port}/orders?sslmode=disable`);

  terminal.type("what?\n");
  await terminal.shows(/e extends access \(orders:read_only\), Ctrl-C ends the command/);
  terminal.type("e\n");
  await terminal.shows(/\[EXTENDED\]/);
  terminal.type(keys.interrupt);

  expect(await terminal.exited).toBe(0);
  expect(lastWords()).toContain("sallyport rds proxy was ended on this computer");
  expect(terminal.screen()).not.toContain("elapsed");
});

describe("a request that needs approval", () => {
  const asking = ["rds", "proxy", "--database", "orders", "--role", "app_owner", "--port", "free", "--yes"];
  const digestOf = async (api: ControlApi): Promise<GrantView> => {
    const { items } = await api.get<GrantList>("/v1/reviews");
    return items[0] as GrantView;
  };

  beforeAll(() => signInDirectly(installation, "margaret"));

  it("is waited for, and served as soon as it is approved", async () => {
    const cli = (child = installation.run("margaret", [...asking, "--reason", "INC-7"]));
    await cli.line((line) => line.includes("[WAITING]"));
    const api = controlApi(installation, "grace");
    const { grantID, digest } = await digestOf(api);

    await api.post(`/v1/grants/${grantID}/review`, { decision: "Approve", digest });
    await cli.line((line) => line.includes("Database proxy ready"));

    expect(said(cli)).toMatch(
      /\[REQUESTED\][^]*0 of 1 approvals, asked: group administrators[^]*\[APPROVED\][^]*by grace/,
    );
    cli.kill("SIGINT");
    expect(await ended(cli)).toBe(0);
    await support.json(installation, "margaret", "grants", "revoke", grantID, "--reason", "done");
  });

  it("ends with who denied it and why", async () => {
    const cli = (child = installation.run("margaret", [...asking, "--reason", "INC-8"]));
    await cli.line((line) => line.includes("[WAITING]"));
    const api = controlApi(installation, "grace");
    const { grantID, digest } = await digestOf(api);

    await api.post(`/v1/grants/${grantID}/review`, { decision: "Deny", digest, comment: "not on a Friday" });

    expect(await ended(cli)).toBe(1);
    expect(said(cli)).toContain("why:  the request was denied by grace: not on a Friday");
  });
});

describe("the local port", () => {
  it("stays the same for a database and role, and another that suggests it gets one of its own", async () => {
    const ports = path.join(installation.environmentOf("ada")["HOME"] ?? "", ".config", "sallyport", "ports.json");
    const [first, second] = [await freePort(), await freePort()];
    const { url } = installation;
    writeFileSync(ports, JSON.stringify({ [url]: { "default/orders/read_only": first } }));

    const typed = run("--database", "orders", "--role", "app_owner", "--port", String(second));
    await typed.line((line) => line.includes(`127.0.0.1:${second}`));
    typed.kill("SIGINT");
    await ended(typed);
    const remembered = run("--target", "orders:read_only", "--target", "orders:app_owner");
    await remembered.line(
      (line) => line.startsWith("[i] orders:read_only: Database proxy") && line.endsWith(`:${first}`),
    );
    await remembered.line(
      (line) => line.startsWith("[i] orders:app_owner: Database proxy") && line.endsWith(`:${second}`),
    );

    remembered.kill("SIGINT");
    expect(await ended(remembered)).toBe(0);
    expect(JSON.parse(readFileSync(ports, "utf8"))).toEqual({
      [url]: { "default/orders/read_only": first, "default/orders/app_owner": second },
    });
  });
});
