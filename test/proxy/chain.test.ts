import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { AuditRecord } from "#audit/record.ts";
import { serverParts } from "#tools/parts/servers.ts";
import type { LinkGrant } from "#wire/link.ts";
import { listenLocally, type ProxyStream } from "./client.ts";
import { prove, type ProxyStand, startProxyStand } from "./harness.ts";

const run = promisify(execFile);

let stand: ProxyStand;
let grant: LinkGrant;
let control: ProxyStream;
let ticket = "";
let local: { port: number; stop(): Promise<void> };

beforeAll(async () => {
  stand = await startProxyStand();
  local = await listenLocally(stand.proxy.port, () => ticket);
});
afterAll(async () => {
  await local?.stop();
  await stand?.stop();
});
beforeEach(async () => {
  await enter({});
});

/** Makes a grant, tells the proxy and opens the tunnel's control stream. */
async function enter(change: Partial<LinkGrant>): Promise<void> {
  grant = stand.makeGrant(change);
  stand.controller.tell(grant);
  for (;;) {
    const { stream, answer } = await prove(stand, grant.grantID, stand.credentialsOf(stand.roleOf(grant)));
    if (answer.type === "welcome") {
      control = stream;
      ticket = answer.ticket ?? "";
      return;
    }
  }
}

const recordsOf = (grantID: string): AuditRecord[] => {
  const sessions = stand.controller.records
    .filter((record) => record.kind === "session.open" && record.grantID === grantID)
    .map((record) => record.session);
  return stand.controller.records.filter((record) => record.session !== undefined && sessions.includes(record.session));
};
const closed = (): boolean => recordsOf(grant.grantID).some((record) => record.kind === "session.close");

/** The real psql; it fails when psql does, with its standard error as the message. */
async function psql(...args: string[]): Promise<string> {
  const connection = `host=127.0.0.1 port=${local.port} user=app_owner dbname=orders password=password`;
  const { stdout } = await run("psql", [connection, "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", ...args], {
    env: { PATH: process.env.PATH, HOME: "/nonexistent" },
  });
  return stdout.trim();
}

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({
    host: "127.0.0.1",
    port: local.port,
    user: "app_owner",
    password: "x",
    database: "orders",
  });
  client.on("error", () => {});
  await client.connect();
  return client;
}

async function backends(): Promise<number> {
  const rows = await stand.postgres.query("select 1 from pg_stat_activity where usename = 'app_owner'");
  return rows.length;
}

describe("psql through the proxy", () => {
  it("runs as the granted role, and the controller holds the record of it", async () => {
    const answer = await psql("-c", "select current_user, 6 * 7");
    await stand.controller.until(closed);

    expect(answer).toBe("app_owner|42");
    const records = recordsOf(grant.grantID);
    expect(records.map((record) => record.kind)).toEqual([
      "session.open",
      "statement.start",
      "statement.end",
      "session.close",
    ]);
    expect(records[0]).toMatchObject({
      person: { userName: "ada" },
      username: "app_owner",
      client: { applicationName: "psql", software: "test/1" },
    });
    expect(records[1]).toMatchObject({ sql: "select current_user, 6 * 7" });
    expect(records[2]).toMatchObject({ outcome: "ok", rows: 1, tag: "SELECT 1" });
  });

  it("gives a driver that insists on TLS a session inside it", async () => {
    const client = new pg.Client({
      host: "127.0.0.1",
      port: local.port,
      user: "app_owner",
      database: "orders",
      password: "x",
      ssl: { rejectUnauthorized: false },
      sslnegotiation: "direct",
    } as pg.ClientConfig);
    await client.connect();

    const { rows } = await client.query("select repeat('x', 1000) as text from generate_series(1, 5000)");
    await client.end();

    expect(rows).toHaveLength(5_000);
  });

  it("gives psql 18 that insists on TLS, and on the newest protocol, a session inside it", async ({ skip }) => {
    const { postgresClient18: part } = await serverParts();
    if ("missing" in part) {
      skip(part.missing);
    } else {
      const wanted = "sslmode=require sslnegotiation=direct min_protocol_version=3.2 max_protocol_version=latest";
      const connection = `host=127.0.0.1 port=${local.port} user=app_owner dbname=orders password=password ${wanted}`;

      const { stdout } = await run(path.join(part.folder, "bin", "psql"), [connection, "-XAt", "-c", "\\conninfo"]);

      expect(stdout).toMatch(/Protocol Version\|3\.2/);
      expect(stdout).toMatch(/ALPN\|postgresql/);
    }
  });

  it("declines TLS that is asked for, which sslmode=require says in libpq's own words", async () => {
    const insisting = run("psql", [`host=127.0.0.1 port=${local.port} user=app_owner dbname=orders sslmode=require`]);

    await expect(insisting).rejects.toThrow(/server does not support SSL/);
  });

  it("shows why a tunnel that is over lets nobody in", async () => {
    ticket = "B".repeat(43);

    await expect(psql("-c", "select 1")).rejects.toThrow(/the tunnel is no longer known to this proxy/);
  });

  it("names the right user and database when the wrong ones are asked for", async () => {
    const wrongUser = run("psql", [`host=127.0.0.1 port=${local.port} user=postgres dbname=orders`, "-c", "select 1"]);
    await expect(wrongUser).rejects.toThrow(/connect as user "app_owner" to database "orders"/);
    const wrongDatabase = run("psql", [
      `host=127.0.0.1 port=${local.port} user=app_owner dbname=other`,
      "-c",
      "select 1",
    ]);
    await expect(wrongDatabase).rejects.toThrow(
      /database "other" is not what this grant is for: connect to database "orders"/,
    );
  });
});

describe("the end of one session", () => {
  it("is told in its client, confirmed to the controller and on record; the tunnel and other sessions go on", async () => {
    const [ended, other] = [await connect(), await connect()];
    await stand.controller.until(() => recordsOf(grant.grantID).length >= 2);
    const lost = new Promise<unknown>((resolve) => ended.on("error", resolve));
    const [{ session } = { session: "" }] = recordsOf(grant.grantID);

    stand.controller.kill({ id: 7, session: session ?? "", grantID: "another-grant", message: "no" });
    stand.controller.kill({
      id: 8,
      session: session ?? "",
      grantID: grant.grantID,
      message: "root ended this session",
    });
    await stand.controller.until(() => stand.controller.killed.length === 2 && closed());

    expect(stand.controller.killed.map(({ id, outcome }) => [id, outcome])).toEqual([
      [7, "unknown-session"],
      [8, "gone"],
    ]);
    expect(await lost).toMatchObject({ code: "57P01", message: "root ended this session" });
    expect(recordsOf(grant.grantID).find(({ kind }) => kind === "session.close")).toMatchObject({
      session,
      reason: "session-killed",
      message: "root ended this session",
    });
    expect((await other.query("select 1")).rowCount).toBe(1);
    await other.end();
  });
});

describe("the end of a grant", () => {
  it("rolls the open write back, ends the backend, tells client and tunnel why, and reports to the controller", async () => {
    const client = await connect();
    await client.query("create table if not exists cut_test (n int)");
    await client.query("begin");
    await client.query("insert into cut_test values (1)");
    const running = client.query("select pg_sleep(600)").catch((error: unknown) => error);
    while (
      (
        await stand.postgres.query(
          "select 1 from pg_stat_activity where query like '%pg_sleep(600)' and state = 'active' and pid <> pg_backend_pid()",
        )
      ).length === 0
    ) {}

    stand.controller.tell({ ...grant, state: "ended", remainingMs: 0, end: "revoked" });
    await stand.controller.until(() => closed() && stand.controller.cuts.some((cut) => cut.grantID === grant.grantID));

    expect(await running).toMatchObject({ code: "57P01", message: "this access was revoked" });
    expect(await control.next("end")).toMatchObject({ reason: "revoked", message: "this access was revoked" });
    expect(stand.controller.cuts.at(-1)).toMatchObject({ sessions: 1, backendsGone: 1 });
    // The connection that made sure of it leaves a moment later.
    while ((await backends()) > 0) {}
    expect(await stand.postgres.query("select * from cut_test")).toEqual([]);
    expect(recordsOf(grant.grantID).at(-1)).toMatchObject({ reason: "grant-revoked", inFlight: 4, backend: "gone" });
    expect(recordsOf(grant.grantID).at(-2)).toMatchObject({ kind: "statement.end", statement: 4, outcome: "cut" });
  });

  it("control plane gone: a live session still ends on time, and the records arrive once it is back", async () => {
    await enter({ remainingMs: 1_500 });
    const client = await connect();
    await client.query("select 'before'");
    stand.controller.serve(false);
    const running = client.query("select pg_sleep(600)").catch((error: unknown) => error);

    const error = await running;

    expect(error).toMatchObject({ code: "57P01", message: "this access has expired" });
    expect(await control.next("warning")).toMatchObject({ type: "warning" });
    expect(await control.next("end")).toMatchObject({ reason: "expired" });
    while ((await backends()) > 0) {}
    expect(closed()).toBe(false);
    stand.controller.serve(true);
    await stand.controller.until(closed);
    expect(recordsOf(grant.grantID).at(-1)).toMatchObject({ reason: "grant-expired" });
    expect(stand.controller.records.map((record) => record.seq)).toEqual(
      stand.controller.records.map((_, index) => index + 1),
    );
  });

  it("makes its tickets worthless", async () => {
    stand.controller.tell({ ...grant, state: "ended", remainingMs: 0, end: "expired" });
    await control.next("end");

    await expect(psql("-c", "select 1")).rejects.toThrow(/no longer known/);
  });
});

describe("secrets", () => {
  it("are in no log line, no record, no file of the task and nothing that the client gets", async () => {
    const client = await connect();
    await client.query(`alter role app_owner password '${stand.passwords.appOwner}'`);
    await client.query("select 1 / 0").catch(() => {});
    await client.end();
    await stand.controller.until(closed);

    const files = readdirSync(stand.spool, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(path.join(entry.parentPath, entry.name), "latin1"));
    const everything = [...stand.log, ...files, JSON.stringify(stand.controller.records)].join("\n");
    expect(everything).toContain("alter role app_owner password");
    expect(everything).not.toContain(stand.passwords.appOwner);
    expect(everything).not.toContain(ticket);
  });
});

describe("a stopping proxy", () => {
  it("tells tunnels and clients, ends the backends, and has the controller hold every record", async () => {
    const client = await connect();
    const running = client.query("select pg_sleep(600)").catch((error: unknown) => error);
    while (
      (
        await stand.postgres.query(
          "select 1 from pg_stat_activity where query like '%pg_sleep(600)' and state = 'active' and pid <> pg_backend_pid()",
        )
      ).length === 0
    ) {}

    await stand.restartProxy();

    expect(await control.next("end")).toMatchObject({ reason: "proxy-stopping" });
    expect(await running).toMatchObject({ code: "57P01" });
    expect(await backends()).toBe(0);
    expect(recordsOf(grant.grantID).at(-1)).toMatchObject({ kind: "session.close", reason: "proxy-stopped" });
  });
});
