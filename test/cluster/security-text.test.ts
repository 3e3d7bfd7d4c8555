import { afterEach, beforeEach, expect, it } from "vitest";
import { givenStatus, grantManifest, keyOfManifest } from "#controller/source/contract-objects.ts";
import type { Grant } from "#kinds/index.ts";
import type { ControlPlane } from "#test/harness/control-plane.ts";
import { givenControlPlane } from "#test/harness/given-control-plane.ts";
import { ClusterHarness } from "./source-harness.ts";

let plane: ControlPlane;
let harness: ClusterHarness;
givenControlPlane(async (started) => {
  plane = started;
  await plane.installCRDs();
});
beforeEach(async () => {
  harness = await ClusterHarness.make(plane);
});
afterEach(() => harness?.dispose());

const time = "2026-01-01T00:00:00Z";

// Server-side apply reads its body as YAML, which takes fewer characters than JSON. People write reasons and annotations, and parts of them come
// into statuses: no text may keep the end of a Grant from being written.
it.each([
  ["delete", "\u007F"],
  ["a C1 control character", "\u0080\u009F"],
  ["a byte order mark", "\uFEFF"],
  ["no characters", "\uFFFE\uFFFF"],
  ["a null character", "\u0000"],
  ["the half of a pair", `${"x".repeat(255)}\u{1F600}`.slice(0, 256)],
  ["line and paragraph separators", "\u0085\u2028\u2029"],
  ["an emoji", "\u{1F600}"],
  ["quotes and backslashes", "\\uD83D \"'\\"],
  ["what looks like YAML", "%YAML 1.2\n---\n&a [*a]\n"],
])("the end of a Grant is written whatever people wrote: %s", async (_, text) => {
  await harness.open().start();
  await harness.apply(grantManifest("ada"));
  const key = keyOfManifest(grantManifest("ada"), harness.namespace);
  const grant = () => harness.source.get("Grant", harness.namespace, "ada")?.object as Grant;
  await harness.source.writeStatus(grant(), () => givenStatus(`g${"a".repeat(26)}`));

  const end = { reason: "Revoked", message: `The access was revoked: ${text}`, time };
  await harness.source.writeStatus(grant(), (old) => ({ ...old, end, endTime: time, lastHandledReconcileAt: text }));

  const written = ((await harness.read(key)) as Grant).status;
  expect(written?.end?.message).toBe(end.message.toWellFormed());
  expect(grant().status).toEqual(written);
});
