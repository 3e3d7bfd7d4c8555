import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { HeadFile } from "./head-place.ts";
import { HeadLog } from "./heads.ts";
import { loadSigningKey } from "./signing-key.ts";
import { migrateStore } from "./store/migrate.ts";
import { migrations } from "./store/schema.ts";
import { AuditStore } from "./store/store.ts";
import { testChain, wholeSession } from "./testing/chains.ts";
import { trailPaths, verifyDirectories } from "./trail-directory.ts";

let state: string;
beforeEach(() => {
  state = mkdtempSync(`${tmpdir()}/state-`);
  loadSigningKey(trailPaths(state).key);
});
afterEach(() => rmSync(state, { recursive: true }));

const records = testChain().write(...wholeSession("a", 300));

async function filledStore(): Promise<AuditStore> {
  const store = await AuditStore.open({ path: trailPaths(state).store, clock: manualClock() });
  await store.ingest("default/main", "t1", records);
  return store;
}

/** Every file with its content and when it was last written. */
function contentOf(directory: string): Record<string, readonly [bytes: string, modifiedMs: number]> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map(({ parentPath, name }) => {
      const file = path.join(parentPath, name);
      return [file, [readFileSync(file, "base64"), statSync(file).mtimeMs] as const];
    }),
  );
}

it.each(migrations.map((_, index) => index + 1))("verifying a store of schema %i changes nothing", async (version) => {
  await (await filledStore()).close();
  await migrateStore({ path: state }, version);
  const before = contentOf(state);

  const { counts } = await verifyDirectories([state]);

  expect(counts.records).toBe(records.length);
  expect(contentOf(state)).toEqual(before);
});

it("what a killed controller had written to the store's log only is verified too, and stays there", async () => {
  const store = await filledStore();
  const killed = `${state}/killed`;
  cpSync(trailPaths(state).store, trailPaths(killed).store);
  cpSync(`${trailPaths(state).store}-wal`, `${trailPaths(killed).store}-wal`);
  loadSigningKey(trailPaths(killed).key);
  await store.close();
  const before = contentOf(killed);

  const { counts } = await verifyDirectories([killed]);

  expect(counts.records).toBe(records.length);
  expect(contentOf(killed)).toMatchObject(before);
});

it("a store of a newer release, a file without a store and one that is none are refused, and left as they are", async () => {
  const { store: file } = trailPaths(state);
  await (await filledStore()).close();
  const set = (version: number): void => {
    const database = new DatabaseSync(file);
    database.exec(`PRAGMA user_version = ${version}`);
    database.close();
  };

  set(migrations.length + 1);
  await expect(verifyDirectories([state])).rejects.toMatchObject({ code: "AuditStoreTooNew" });
  set(0);
  await expect(verifyDirectories([state])).rejects.toMatchObject({ code: "NoTrail" });
  cpSync(trailPaths(state).key, file);
  await expect(verifyDirectories([state])).rejects.toMatchObject({ code: "FileUnreadable" });
});

it("a trail whose key is elsewhere is complete by the public key that is given, and by no other", async () => {
  const elsewhere = loadSigningKey(`${state}/elsewhere/head-key.pem`);
  const store = await filledStore();
  const heads = await HeadLog.open({
    place: await HeadFile.open(trailPaths(state).heads),
    signer: elsewhere,
    installation: "test",
    clock: manualClock(),
    onFailed: (error) => expect.fail(error.message),
  });
  for (const head of await store.heads()) {
    heads.note(head);
  }
  await heads.close();
  await store.close();

  const byGiven = await verifyDirectories([state], elsewhere.publicKeyPEM);
  const byPrivate = await verifyDirectories([state], readFileSync(`${state}/elsewhere/head-key.pem`, "utf8"));
  const byOwn = await verifyDirectories([state]);
  rmSync(trailPaths(state).key);

  expect([byGiven.verdict, byPrivate.verdict, byOwn.verdict]).toEqual(["complete", "complete", "broken"]);
  expect(byOwn.findings).toMatchObject([{ kind: "head-altered" }]);
  await expect(verifyDirectories([state])).rejects.toMatchObject({ code: "NoHeadKey" });
});
