import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { loadSigningKey } from "#audit/signing-key.ts";
import { trailPaths } from "#audit/trail-directory.ts";
import { readHeadLines } from "#audit/head-place.ts";
import { verify } from "#audit/verify.ts";
import { systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { startStoreStand, type StoreStand } from "#test/harness/audit-postgres.ts";
import { openAudit } from "./audit-keeping.ts";
import type { AuditOptions } from "./audit-options.ts";
import type { Source } from "./source/source.ts";
import type { ControllerWorld } from "./world.ts";

const folder = mkdtempSync(path.join(tmpdir(), "audit-keeping-"));
const state = path.join(folder, "state");
const key = path.join(folder, "heads.pem");
let stand: StoreStand;

beforeAll(async () => {
  stand = await startStoreStand();
  loadSigningKey(key);
});
afterAll(async () => {
  await stand.server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const inDirectory: AuditOptions = { store: undefined, headKey: undefined, formerKeys: "", retentionMs: undefined };

/** A controller's time with its trail: it records one event, looks at what it has, and ends. */
async function runOnce(audit: AuditOptions): Promise<{ verdict: string; records: number }> {
  const world = { options: { installation: "main", state, audit }, clock: systemClock, log: silentLog };
  const { store, heads, trail, headLines, ownHeadLines, publicKeyPEM, begin } = await openAudit(
    world as unknown as ControllerWorld,
    {} as Source,
    (error) => expect.fail(error.message),
  );
  await begin(new AbortController().signal);
  await trail.record({ event: "audit.exported", actor: { kind: "User", name: "margaret" } });
  await heads.flush();
  const { verdict, counts } = await verify({
    records: store.raw(),
    heads: await collected(headLines()),
    ownHeads: await collected(ownHeadLines()),
    publicKey: publicKeyPEM,
  });
  await heads.close();
  await store.close();
  return { verdict, records: counts.records };
}

async function collected(lines: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const line of lines) {
    all.push(line);
  }
  return all;
}

it("a replica that goes from its own store to a shared one misses no line there, and leaves its own trail whole", async () => {
  await expect(runOnce(inDirectory)).resolves.toEqual({ verdict: "complete", records: 1 });
  const before = await collected(readHeadLines(trailPaths(state).heads));

  const shared = await runOnce({ ...inDirectory, store: stand.address, headKey: { kind: "file", path: key } });

  expect(shared).toEqual({ verdict: "complete", records: 1 });
  expect(before).toHaveLength(1);
  expect(await collected(readHeadLines(trailPaths(state).heads))).toEqual(before);
});
