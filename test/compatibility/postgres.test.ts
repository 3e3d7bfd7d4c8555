import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { demoSeed } from "#sandbox/seed.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import { type ProxyStand, startProxyStand } from "#test/proxy/harness.ts";
import { isMissing, type Part } from "#tools/parts/part.ts";
import { serverParts } from "#tools/parts/servers.ts";
import { disagreements } from "./account.ts";
import type { Target } from "./clients/steps.ts";
import type { Watch } from "./client.ts";
import { compareSteps, type Verdict } from "./compare.ts";
import { committedSection, type Outcome, renderSection, writeSection } from "./document.ts";
import { openDoor } from "./door.ts";
import { postgresClients } from "./postgres-clients.ts";
import { fixtureSQL, postgresDifferences } from "./postgres-fixture.ts";
import { loggingSettings, readLog } from "./server-log.ts";
import { postgresSteps } from "./steps-meaning.ts";

// Each client does its steps in two databases of one server at the same time: `direct` without a proxy, `orders` through its gate.

const parts = await serverParts();
const clients = await postgresClients(parts);
const password = `ao-${crypto.randomUUID()}`;
const role = "app_owner";
const servers: readonly { readonly title: string; readonly binaries: Part<{ readonly folder?: string }> }[] = [
  { title: "PostgreSQL 18", binaries: {} },
  { title: "PostgreSQL 15", binaries: parts.postgres15 },
];
const running = new Map<string, TestPostgres>();
const outcomes: Outcome[] = [];
let stand: ProxyStand;

beforeAll(async () => {
  for (const { title, binaries } of servers) {
    if (!isMissing(binaries)) {
      running.set(title, await startServer(binaries.folder));
    }
  }
  const [first, ...others] = running.values();
  const postgres = first as TestPostgres;
  const seed = demoSeed({
    endpoint: { host: postgres.host, port: postgres.port },
    databaseName: "orders",
    readOnlyPassword: "unused",
    appOwnerPassword: password,
  });
  const orders = { postgres, passwords: { readOnly: "unused", appOwner: password }, seed };
  stand = await startProxyStand({ orders, authorities: others.map(({ ca }) => ca) });
});
afterAll(async () => {
  await stand?.stop();
  // The stand stops the server that it was given.
  await Promise.all([...running.values()].slice(stand === undefined ? 0 : 1).map((server) => server.stop()));
});

async function startServer(binaries: string | undefined): Promise<TestPostgres> {
  const server = await startPostgres({
    ...(binaries === undefined ? {} : { binaries }),
    database: "orders",
    tls: "host",
    settings: loggingSettings,
    initSQL: `create role ${role} login password '${password}'; ${fixtureSQL(role)}`,
  });
  await server.query("create database direct template orders");
  await server.query(`grant create on database orders to ${role}; grant create on database direct to ${role}`);
  return server;
}

describe.for(servers)("$title", ({ title: serverTitle, binaries }) => {
  it.for(clients)(
    "$title does through the proxy what it does directly, every statement on record",
    async (client, context) => {
      if (isMissing(binaries) || isMissing(client)) {
        return context.skip(isMissing(binaries) ? binaries.missing : (client as { readonly missing: string }).missing);
      }
      const server = running.get(serverTitle) as TestPostgres;
      const logged = (await readLog(server)).length;
      const door = await openDoor(stand, grantChange(server));
      const name = `c${outcomes.length}`;
      const direct = { host: server.host, port: server.port, user: role, password, database: "direct", name };
      const through: Target = { ...direct, port: door.port, password: "none", database: "orders" };

      const [directly, throughProxy] = await Promise.all([
        client.run(direct, watch(server)),
        client.run(through, watch(server)),
      ]);
      const records = await door.records(async (sql) => {
        const marker = new pg.Client({ ...through, ssl: false });
        await marker.connect();
        await marker.query(sql);
        await marker.end();
      });
      await door.stop();
      const log = (await readLog(server)).slice(logged);

      const verdicts = compareSteps(directly, throughProxy, { direct, through });
      const clientLog = log.filter(
        ({ database, user, application }) => database === "orders" && user === role && application !== "sallyport",
      );
      const unaccounted = disagreements(records, clientLog);
      const trail: Verdict =
        unaccounted.length === 0 ? { verdict: "same" } : { verdict: "differs", why: unaccounted.join("\n") };
      verdicts.set("every statement on record", trail);
      outcomes.push({ server: serverTitle, client: client.title, verdicts });
      const known = postgresDifferences.filter(
        ({ client: which, server: where }) => which === client.title && where === serverTitle,
      );
      const problems = [...verdicts].flatMap(([step, verdict]) =>
        verdict.verdict === "same" ? [] : [{ step, ...verdict }],
      );
      expect(problems).toEqual(
        known.map(({ step, verdict }) => ({ step, verdict, why: expect.any(String) as string })),
      );
    },
  );
});

it("docs/compatibility.md says what this run found", () => {
  const section = {
    title: "PostgreSQL",
    introduction: "PostgreSQL 18 comes from npm, 15 is the distribution's (Debian 12).",
    servers: servers.map(({ title }) => title),
    clients: clients.map(({ title }) => title),
    steps: postgresSteps,
    differences: [...new Set(postgresDifferences.map(({ why }) => why))],
  };
  const unknown = outcomes.flatMap(({ verdicts }) => [...verdicts.keys()].filter((step) => !(step in postgresSteps)));

  const found = renderSection(section, outcomes);

  expect(unknown).toEqual([]);
  if (found.trim() !== committedSection(section.title).trim() && process.env["CI"] !== "true") {
    writeSection(section.title, found);
    throw new Error(
      "docs/compatibility.md said something else and was written anew: look at its difference and commit it",
    );
  }
  expect(committedSection(section.title).trim()).toBe(found.trim());
});

function grantChange(server: TestPostgres): Parameters<typeof openDoor>[1] {
  return {
    database: {
      key: "default/orders-prod",
      engine: "PostgreSQL",
      host: server.host,
      port: server.port,
      databaseName: "orders",
      tlsMode: "VerifyFull",
    },
  };
}

function watch(server: TestPostgres): Watch {
  return {
    async isRunning(sql, database) {
      const found = "select 1 from pg_stat_activity where state = 'active' and query = $1 and datname = $2";
      return (await server.query(found, [sql, database])).length > 0;
    },
  };
}
