import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ProxyStand } from "#test/proxy/harness.ts";
import { isMissing, type Part } from "#tools/parts/part.ts";
import { serverParts } from "#tools/parts/servers.ts";
import type { Outcome } from "./document.ts";
import { checkDocument, clientTimeoutMs, type MatrixServer, problemsOf, tryClient } from "./matrix.ts";
import { postgresClients } from "./postgres-clients.ts";
import { postgresDifferences } from "./postgres-fixture.ts";
import { startPostgresServer } from "./postgres-server.ts";
import { startMatrixStand } from "./stand.ts";
import { postgresSteps } from "./steps-meaning.ts";

const parts = await serverParts();
const clients = await postgresClients(parts);
const servers: readonly { readonly title: string; readonly binaries: Part<{ readonly folder?: string }> }[] = [
  { title: "PostgreSQL 18", binaries: {} },
  { title: "PostgreSQL 15", binaries: parts.postgres15 },
];
const password = `ao-${crypto.randomUUID()}`;
const running: MatrixServer[] = [];
const outcomes: Outcome[] = [];
let stand: ProxyStand;

beforeAll(async () => {
  for (const { title, binaries } of servers) {
    if (!isMissing(binaries)) {
      running.push(await startPostgresServer(title, binaries.folder, password));
    }
  }
  stand = await startMatrixStand(running, password);
});
afterAll(async () => {
  await stand?.stop();
  await Promise.all(running.map((server) => server.stop()));
});

describe.for(servers)("$title", ({ title, binaries }) => {
  it.for(clients)(
    "$title does through the proxy what it does directly, every statement on record",
    { timeout: clientTimeoutMs },
    async (client, context) => {
      if (isMissing(binaries) || isMissing(client)) {
        return context.skip([binaries, client].find((part) => isMissing(part))?.missing);
      }
      const server = running.find((one) => one.title === title) as MatrixServer;

      const outcome = await tryClient(stand, server, client, password);

      outcomes.push(outcome);
      const problems = problemsOf(outcome, postgresDifferences);
      expect(problems.found).toEqual(problems.known);
    },
  );
});

it("docs/compatibility.md says what this run found", () => {
  const section = {
    title: "PostgreSQL",
    introduction: "PostgreSQL 18 comes from npm, 15 is the distribution's (Debian 12).",
    servers: servers.map((server) => server.title),
    clients: clients.map((client) => client.title),
    steps: postgresSteps,
    differences: [...new Set(postgresDifferences.map(({ why }) => why))],
  };

  expect(() => checkDocument(section, outcomes)).not.toThrow();
});
