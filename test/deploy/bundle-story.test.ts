import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { activeGrant, connectAs, statementsOf } from "#test/e2e/support.ts";
import { type Installation, signInDirectly, startInstallation, untilProxyLinked } from "#test/harness/installation.ts";
import { ended, eventually, startSallyport } from "#test/harness/process.ts";
import { bundleEntry, writeBundle } from "#tools/bundle.ts";
import { grantFile } from "#tools/demo/grant-file.ts";

const root = mkdtempSync(path.join(tmpdir(), "sallyport-bundle-"));
const program = path.join(root, bundleEntry);
const { SALLYPORT_PROGRAM: programBefore } = process.env;
let installation: Installation;

beforeAll(async () => {
  await writeBundle(root);
  process.env["SALLYPORT_PROGRAM"] = program;
  // Controller, tasks and command line are the bundle; the sandbox around them belongs to the test.
  const command = () => ({ file: process.execPath, args: [program, "proxy"] });
  installation = await startInstallation({ sandbox: { compute: { command } } });
  await untilProxyLinked(installation);
  await signInDirectly(installation, "ada");
  await signInDirectly(installation, "margaret");
});

afterAll(async () => {
  await installation?.stop();
  rmSync(root, { recursive: true, force: true });
  if (programBefore === undefined) {
    delete process.env["SALLYPORT_PROGRAM"];
  } else {
    process.env["SALLYPORT_PROGRAM"] = programBefore;
  }
});

it("gives access, records what is done with it and takes it away, all from the bundled program", async () => {
  installation.writeManifest(
    "grants/main.yaml",
    grantFile({ name: "main", person: "ada", database: "orders", role: "app_owner" }),
  );
  const grantID = await activeGrant(installation, "ada", "app_owner");
  const { url, proxy } = await connectAs(installation, "ada", "app_owner");
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  const { rows } = await client.query("select count(*)::int as count from customers");

  const [statement] = await statementsOf(installation, grantID, 1);
  installation.deleteManifest("grants/main.yaml");

  expect(rows).toEqual([{ count: 200 }]);
  expect(statement).toMatchObject({ outcome: "ok", rows: 1 });
  await eventually("the permission set is gone", () =>
    [...installation.sandbox.state.permissionSets.values()].some(({ name }) => name === grantID) ? undefined : true,
  );
  await expect(client.query("select 1")).rejects.toThrow();
  proxy.kill("SIGTERM");
  await ended(proxy);
});

it("runs its own sandbox, whose tasks would be the bundle's proxy", async () => {
  const sandbox = startSallyport(["sandbox", "--listen", "127.0.0.1:0"], {}, { cwd: root });

  expect(await sandbox.line((line) => line.includes("127.0.0.1:"))).toMatch(/http:\/\/127\.0\.0\.1:\d+/);
  sandbox.kill("SIGTERM");
  expect(await ended(sandbox)).toBe(0);
});
