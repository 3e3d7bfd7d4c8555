import { expect, it } from "vitest";
import { silentLog } from "#lib/log.ts";
import type { AnyObject, Grant } from "#kinds/index.ts";
import { givenStatus, grantManifest, workflowManifest } from "../contract-objects.ts";
import { Verdicts } from "./verdicts.ts";

function made(manifest: object, generation: number, more: object = {}): AnyObject {
  const { metadata } = manifest as AnyObject;
  return { ...manifest, metadata: { ...metadata, namespace: "team", uid: "u", generation, ...more } } as AnyObject;
}

const name = "AccessWorkflow/team/quick";

it("uses an object's last good spec while the newest is not legal here, and says why", () => {
  const verdicts = new Verdicts(silentLog);
  const good = made(workflowManifest("quick", 3600), 1);
  const bad = made(workflowManifest("quick", 1), 2, { labels: { team: "data" } });

  const used = verdicts.judge(bad, verdicts.judge(good, undefined));

  expect(used).toMatchObject({ spec: good.spec, metadata: bad.metadata });
  expect(verdicts.of(name).join()).toMatch(/maxDurationSeconds/);
  expect(verdicts.all().join()).toMatch(/AccessWorkflow\/team\/quick: .*maxDurationSeconds/);
  expect(verdicts.judge(made(workflowManifest("quick", 7200), 3), used)?.spec).toEqual({ maxDurationSeconds: 7200 });
  expect(verdicts.of(name)).toEqual([]);
});

it("does not use an object that was never legal here", () => {
  const verdicts = new Verdicts(silentLog);

  expect(verdicts.judge(made(workflowManifest("quick", 1), 1), undefined)).toBeUndefined();
  expect(verdicts.of(name)).toHaveLength(1);
});

it("always uses a Grant that has given access or is being deleted, so that it can be taken away", () => {
  const verdicts = new Verdicts(silentLog);
  const bad = grantManifest("ada", { durationSeconds: 1 });
  const live = { ...(made(bad, 1) as Grant), status: givenStatus(`g${"a".repeat(26)}`) };

  expect(verdicts.judge(made(bad, 1), undefined)).toBeUndefined();
  expect(verdicts.judge(live, undefined)).toBe(live);
  const deleted = made(bad, 1, { deletionTimestamp: "2026-01-01T00:00:00Z" });
  expect(verdicts.judge(deleted, undefined)).toBe(deleted);
});

it("looks again at an object of the same generation that is another one", () => {
  const verdicts = new Verdicts(silentLog);
  verdicts.judge(made(workflowManifest("quick", 1), 1), undefined);

  expect(verdicts.judge(made(workflowManifest("quick", 3600), 1, { uid: "v" }), undefined)).toBeDefined();
});
