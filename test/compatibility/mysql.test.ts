import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ProxyStand } from "#test/proxy/harness.ts";
import { isMissing } from "#tools/parts/part.ts";
import { serverParts } from "#tools/parts/servers.ts";
import type { Outcome } from "./document.ts";
import { checkDocument, clientTimeoutMs, type MatrixServer, problemsOf, tryClient } from "./matrix.ts";
import { mysqlClients } from "./mysql-clients.ts";
import { mysqlDifferences } from "./mysql-differences.ts";
import { startMysqlServer } from "./mysql-server.ts";
import { startMatrixStand } from "./stand.ts";
import { mysqlSteps } from "./steps-meaning.ts";

const parts = await serverParts();
const clients = await mysqlClients(parts);
const servers = [
  { title: "MariaDB 10.11", engine: "MariaDB", part: parts.mariadb },
  { title: "MySQL 9", engine: "MySQL", part: parts.mysql },
] as const;
const password = `ao-${crypto.randomUUID()}`;
const running: MatrixServer[] = [];
const outcomes: Outcome[] = [];
let stand: ProxyStand;

beforeAll(async () => {
  const present = servers.filter(({ part }) => !isMissing(part));
  running.push(...(await Promise.all(present.map(({ title, engine }) => startMysqlServer(title, engine, password)))));
  stand = await startMatrixStand(running, password);
});
afterAll(async () => {
  await stand?.stop();
  await Promise.all(running.map((server) => server.stop()));
});

describe.for(servers)("$title", ({ title, part }) => {
  it.for(clients)(
    "$title does through the proxy what it does directly, every statement on record",
    { timeout: clientTimeoutMs },
    async (client, context) => {
      if (isMissing(part) || isMissing(client)) {
        return context.skip([part, client].find((one) => isMissing(one))?.missing);
      }
      const server = running.find((one) => one.title === title) as MatrixServer;

      const outcome = await tryClient(stand, server, client, password);

      outcomes.push(outcome);
      const problems = problemsOf(outcome, mysqlDifferences);
      expect(problems.found).toEqual(problems.known);
    },
  );
});

it("docs/compatibility.md says what this run found", () => {
  const section = {
    title: "MySQL and MariaDB",
    introduction:
      "MariaDB 10.11 is the distribution's (Debian 12); MySQL is Oracle's, as Debian's unstable suite has it.",
    servers: servers.map((server) => server.title),
    clients: clients.map((client) => client.title),
    steps: mysqlSteps,
    differences: [...new Set(mysqlDifferences.map(({ why }) => why))],
  };

  expect(() => checkDocument(section, outcomes)).not.toThrow();
});
