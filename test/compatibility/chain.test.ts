import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { grantFile } from "#tools/demo/grant-file.ts";
import { activeGrant, connectAs, statementsOf } from "#test/e2e/support.ts";
import { type Installation, signInDirectly, startInstallation, untilProxyLinked } from "#test/harness/installation.ts";
import { isMissing } from "#tools/parts/part.ts";
import type { Watch } from "./client.ts";
import type { Target } from "./clients/steps.ts";
import { clientTimeoutMs } from "./matrix.ts";
import { goClient } from "./program-clients.ts";

// One client through everything: the Grant's file, the controller, Session Manager, `sallyport rds proxy`, the proxy and its audit trail.

const client = await goClient("pgx", "github.com/jackc/pgx/v5", "pgx");
let installation: Installation;
let grantID: string;

beforeAll(async () => {
  installation = await startInstallation();
  await untilProxyLinked(installation);
  await signInDirectly(installation, "ada");
  await signInDirectly(installation, "margaret");
  const grant = { name: "main", person: "ada", database: "orders", role: "app_owner" };
  installation.writeManifest("grants/main.yaml", grantFile(grant));
  grantID = await activeGrant(installation, "ada", "app_owner");
});
afterAll(() => installation?.stop());

describe("the whole chain", () => {
  it(
    "lets pgx do through the command line's port all that it does through the proxy",
    { timeout: clientTimeoutMs },
    async (context) => {
      if (isMissing(client)) {
        return context.skip(client.missing);
      }
      const { port } = await connectAs(installation, "ada", "app_owner");
      const target: Target = {
        host: "127.0.0.1",
        port,
        user: "app_owner",
        password: "x",
        database: "orders",
        name: "chain",
      };

      const steps = await client.run(target, watch);

      const failed = [...steps].filter(([, step]) => "error" in step).map(([step]) => step);
      expect(failed).toEqual([]);
      expect(steps.get("cancel")).toMatchObject({ result: [["57014", expect.any(String)], [[1]]] });
      expect((await statementsOf(installation, grantID, 50)).length).toBeGreaterThan(50);
    },
  );
});

const watch: Watch = {
  async isRunning(sql) {
    const found = "select 1 from pg_stat_activity where state = 'active' and query = $1";
    return (await installation.postgres.query(found, [sql])).length > 0;
  },
};
