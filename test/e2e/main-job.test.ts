import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { StartSessionCommand } from "@aws-sdk/client-ssm";
import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { grantFile } from "#tools/demo/grant-file.ts";
import { type Installation, signInDirectly, startInstallation, untilProxyLinked } from "../harness/installation.ts";
import { eventually, type SallyportProcess } from "../harness/process.ts";
import * as support from "./support.ts";

const forwarding = "AWS-StartPortForwardingSession";

let installation: Installation;
let grantID: string;
let proxy: SallyportProcess;
let url: string;

beforeAll(async () => {
  installation = await startInstallation();
  await untilProxyLinked(installation);
  await signInDirectly(installation, "ada");
  await signInDirectly(installation, "margaret");
  const grant = { name: "main", person: "ada", database: "orders", role: "app_owner" };
  installation.writeManifest("grants/main.yaml", grantFile(grant));
  grantID = await support.activeGrant(installation, "ada", "app_owner");
  ({ proxy, url } = await support.connectAs(installation, "ada", "app_owner"));
});

afterAll(() => installation?.stop());

async function connected(connectionString = url): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  return client;
}

describe("a Grant in the folder", () => {
  it("opens the database, and each statement is recorded with its own outcome, rows and parameters", async () => {
    const client = await connected();

    await client.query("select id from orders order by id limit 3");
    const extended = await client.query("select name from customers where country = $1 and id < $2", ["SE", 10]);
    await expect(client.query("select no_such_column from orders where id = $1", [1])).rejects.toThrow(
      "no_such_column",
    );
    await expect(client.query("select 1; select 1/0; select 2")).rejects.toThrow("division by zero");
    await client.end();

    const statements = await support.statementsOf(installation, grantID, 4);
    expect(statements).toMatchObject([
      { sql: "select id from orders order by id limit 3", outcome: "ok", tag: "SELECT 3", rows: 3 },
      {
        sql: expect.stringContaining("country = $1"),
        parameters: ["SE", "10"],
        outcome: "ok",
        rows: extended.rows.length,
      },
      // Its Parse failed, so it never ran; the reason is kept with it.
      {
        sql: expect.stringContaining("no_such_column"),
        outcome: expect.stringMatching(/error|not-executed/),
        sqlState: "42703",
      },
      { sql: "select 1; select 1/0; select 2", outcome: "error", sqlState: "22012" },
    ]);
  });

  it("is used with psql as any local database is", async ({ skip }) => {
    const missing = support.psqlMissing();
    skip(missing !== undefined, missing);

    // Not the synchronous form: the sandbox, which carries the tunnel, lives in this very process.
    const { stdout } = await promisify(execFile)("psql", [url, "-Atc", "select count(*) from customers"]);

    expect(stdout.trim()).toBe("200");
  });

  it("refuses another user or another database in the database's own words", async () => {
    await expect(connected(url.replace("app_owner", "postgres"))).rejects.toThrow(/app_owner/);
    await expect(connected(url.replace("/orders?", "/postgres?"))).rejects.toThrow(/orders/);
  });

  it("lets a query be cancelled as usual", async () => {
    const client = await connected();
    const query = client.query("select pg_sleep(300)").catch((error: Error) => error.message);
    await support.running(installation, "select pg_sleep(300)");

    const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
    await support.sendCancel(Number(new URL(url).port), processID, secretKey);

    expect(await query).toMatch(/canceling statement/);
    await client.end();
  });

  it("gives AWS credentials that reach nothing but a port of the proxy", async () => {
    const ssm = support.ssmClient(installation, installation.sandbox.credentialsFor("ada", grantID));
    const Target = installation.sandbox.ecs.tasks()[0]?.targets[0] ?? "";
    const Parameters = { portNumber: ["9432"] };

    for (const refused of [undefined, `${forwarding}ToRemoteHost`, "SSM-SessionManagerRunShell"]) {
      const request = { Target, ...(refused === undefined ? {} : { DocumentName: refused }) };
      await expect(ssm.send(new StartSessionCommand(request))).rejects.toThrow(/not authorized/);
    }
    const session = await ssm.send(new StartSessionCommand({ Target, DocumentName: forwarding, Parameters }));
    expect(session.SessionId).toMatch(/^ada-/);
  });
});

describe("deleting the Grant's file", () => {
  it("ends the session and its transaction, and takes everything in AWS away", async () => {
    const credentials = installation.sandbox.credentialsFor("ada", grantID);
    const heard: string[] = [];
    const client = await connected();
    client.on("error", (error) => heard.push(error.message));
    await client.query("begin");
    await client.query("delete from order_lines");
    void client.query("select pg_sleep(299)").catch((error: Error) => heard.push(error.message));
    await support.running(installation, "select pg_sleep(299)");

    installation.deleteManifest("grants/main.yaml");
    const code = await proxy.exited;

    expect(code).toBe(1);
    expect(heard.join()).toMatch(/revoked.*deleted/);
    expect(proxy.lines.join("\n")).toMatch(/\[ENDED\].*deleted/);
    await eventually("no backend of the person is left", async () => {
      const rows = await installation.postgres.query("select 1 from pg_stat_activity where usename = 'app_owner'");
      return rows.length === 0 ? true : undefined;
    });
    const [kept] = await installation.postgres.query<{ n: number }>("select count(*)::int as n from order_lines");
    expect(kept?.n).toBeGreaterThan(10_000);
    await eventually("the permission set is gone", () =>
      [...installation.sandbox.state.permissionSets.values()].every((set) => set.name !== grantID) ? true : undefined,
    );
    // AWS lets issued credentials live on; they prove who somebody was, and open nothing any more.
    const identity = await support.stsClient(installation, credentials).send(new GetCallerIdentityCommand({}));
    expect(identity.Arn).toContain(grantID);
    const again = { Target: installation.sandbox.ecs.tasks()[0]?.targets[0] ?? "", DocumentName: forwarding };
    await expect(support.ssmClient(installation, credentials).send(new StartSessionCommand(again))).rejects.toThrow(
      /not authorized/,
    );
  });

  it("leaves a trail that verifies, and no password in any log, file or output", async () => {
    const report = await support.json(installation, "margaret", "audit", "verify");
    expect(report).toMatchObject({ verdict: "complete", findings: [] });

    const secrets = Object.values(installation.passwords);
    const { ecs } = installation.sandbox;
    const said = [...installation.controller().lines, ...proxy.lines, ...ecs.tasks().map((task) => ecs.logs(task.arn))];
    expect(said.filter((line) => secrets.some((secret) => line.includes(secret)))).toEqual([]);
    expect(said.length).toBeGreaterThan(10);
    expect(support.filesContaining(installation.stateDirectory, secrets)).toEqual([]);
  });
});
