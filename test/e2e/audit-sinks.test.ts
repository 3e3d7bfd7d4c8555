import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { archiveLines } from "#audit/archive/files.ts";
import { verifyArchive } from "#audit/archive/verify.ts";
import { AuditStore } from "#audit/store/store.ts";
import { ownPublicKey, trailPaths } from "#audit/trail-directory.ts";
import { systemClock } from "#lib/clock.ts";
import type { ProblemList } from "#wire/control-api.ts";
import { type ControlApi, controlApi } from "../harness/control-api.ts";
import { type Installation, signInDirectly, startInstallation, untilProxyLinked } from "../harness/installation.ts";
import { ended, eventually } from "../harness/process.ts";
import { collect, recordsIn } from "../sinks/trail.ts";
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
  const publicKey = ownPublicKey(installation.stateDirectory);
  const archive = await eventually("all that is there is signed, and the signed heads are there too", async () => {
    const report = await verifyArchive(archiveLines([out]), { publicKey });
    return report.verdict === "complete" && report.notSigned === 0 ? report : undefined;
  });
  installation.controller().kill("SIGTERM");
  await ended(installation.controller());

  const store = await AuditStore.open({ path: trailPaths(installation.stateDirectory).store, clock: systemClock });
  const exported = await collect(store.export());
  await store.close();
  expect(recordsIn(delivered())).toEqual(exported);
  expect(archive).toMatchObject({ repeated: 0, otherLines: 0, lastHeads: [expect.anything()] });
  expect(delivered().map((line) => (JSON.parse(line) as { event?: string }).event)).toContain("grant.activated");
  // It has not failed for long enough yet to be a person's problem.
  expect(problems).toEqual([]);
}, 120_000);
