import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { AuditStore } from "#audit/store/store.ts";
import { trailPaths } from "#audit/trail-directory.ts";
import { systemClock } from "#lib/clock.ts";
import type { ProblemList } from "#wire/control-api.ts";
import { type ControlApi, controlApi } from "../harness/control-api.ts";
import { type Installation, signInDirectly, startInstallation, untilProxyLinked } from "../harness/installation.ts";
import { ended, eventually } from "../harness/process.ts";
import { asExported, collect } from "../sinks/trail.ts";
import * as support from "./support.ts";

let installation: Installation;
let api: ControlApi;
const out = mkdtempSync(path.join(tmpdir(), "sallyport-e2e-sinks-"));

beforeAll(async () => {
  installation = await startInstallation({
    sandbox: { delays: { identityCenterMs: 30 } },
    flags: {
      // A destination that works beside one that nobody listens at.
      "audit-sink": `file://${out}?batchSeconds=0,syslog+tcp://127.0.0.1:1`,
    },
  });
  api = controlApi(installation, "margaret");
  await untilProxyLinked(installation);
  await signInDirectly(installation, "ada");
}, 120_000);
afterAll(async () => {
  await installation?.stop();
  rmSync(out, { recursive: true, force: true });
});

function delivered(): string[] {
  return readdirSync(out)
    .toSorted()
    .flatMap((name) => readFileSync(path.join(out, name), "utf8").trimEnd().split("\n"))
    .filter((line) => line !== "");
}

const holds = (text: string): Promise<true> =>
  eventually(`${text} is delivered`, () => (delivered().some((line) => line.includes(text)) ? true : undefined));

it("delivers what happens to access and every statement, once, through SIGKILL and a stop, though another sink takes nothing", async () => {
  const { proxy: cli, url } = await support.connectAs(installation, "ada", "app_owner");
  const { client } = await support.connected(url);
  await client.query("select 'before the kill'");
  await holds("before the kill");
  installation.controller().kill("SIGKILL");
  await installation.controller().exited;
  await client.query("select 'without a controller'");
  await installation.startController();
  await holds("without a controller");
  const { problems } = await api.get<ProblemList>("/v1/problems");
  await client.end();
  cli.kill("SIGTERM");
  await ended(cli);
  await holds('"session.close"');
  installation.controller().kill("SIGTERM");
  await ended(installation.controller());

  const store = await AuditStore.open({ path: trailPaths(installation.stateDirectory).store, clock: systemClock });
  const exported = await collect(store.export());
  await store.close();
  expect(delivered().map(asExported)).toEqual(exported);
  expect(delivered().map((line) => (JSON.parse(line) as { event?: string }).event)).toContain("grant.activated");
  // It has not failed for long enough yet to be a person's problem.
  expect(problems).toEqual([]);
}, 120_000);
