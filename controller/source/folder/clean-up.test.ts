import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { aProxy } from "../../reconcile/testing.ts";
import type { Manifest } from "../contract-objects.ts";
import { FolderHarness } from "./harness.ts";

let harness: FolderHarness;

beforeEach(async () => {
  harness = new FolderHarness();
  await harness.open().start();
});
afterEach(async () => {
  await harness.source.close();
  await harness.dispose();
});

function proxyManifest(spec: object = {}): Manifest {
  const { apiVersion, kind, spec: base } = aProxy();
  return { apiVersion, kind, metadata: { name: "main" }, spec: { ...base, ...spec } };
}
const proxy = () => harness.source.get("Proxy", "default", "main")?.object;

describe("a Proxy whose file is deleted", () => {
  it("stays until its ECS service is gone, also over a restart", async () => {
    harness.write("proxy.yaml", proxyManifest());
    await harness.look();
    harness.erase("proxy.yaml");
    await harness.look();
    const deleted = proxy();

    await harness.source.close();
    await harness.open().start();
    const restarted = proxy();
    await harness.source.release(restarted as never);

    expect(deleted?.metadata.deletionTimestamp).toBeDefined();
    expect(restarted).toEqual(deleted);
    expect(proxy()).toBeUndefined();
  });

  it.each([{ deletionPolicy: "Retain" }, { managementPolicy: "Observe" }])(
    "goes at once where its service is to stay: %o",
    async (spec) => {
      harness.write("proxy.yaml", proxyManifest(spec));
      await harness.look();
      harness.erase("proxy.yaml");
      await harness.look();

      expect(proxy()).toBeUndefined();
    },
  );
});
