import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { diff, plan } from "#controller/plan/main.ts";
import { definitions } from "#kinds/generated/schemas.ts";
import { systemClock } from "#lib/clock.ts";
import { type ControlPlane, kubectlMissing } from "#test/harness/control-plane.ts";
import { givenControlPlane } from "#test/harness/given-control-plane.ts";

const examples = path.join(import.meta.dirname, "..", "..", "examples");
let cluster: ControlPlane;
const folder = mkdtempSync(path.join(tmpdir(), "sallyport-plan-"));

givenControlPlane(async (started) => {
  cluster = started;
  cpSync(examples, folder, { recursive: true });
  await cluster.installCRDs();
  await cluster.kubectl(["apply", "-f", folder]);
}, kubectlMissing());
afterAll(() => rmSync(folder, { recursive: true }));

/** A person who may look and nothing else. */
function given(options: Readonly<Record<string, string | boolean>> = {}) {
  const kubeconfig = cluster.kubeconfigFor("viewer", ["viewers"]);
  return {
    folder,
    options: { cluster: true, kubeconfig, ...options },
    environment: {},
    clock: systemClock,
    version: "0",
  };
}

describe("plan and diff against a cluster", () => {
  it("say what the person lacks who may not even look", async () => {
    await expect(plan(given())).rejects.toMatchObject({
      code: "ClusterUnreadable",
      why: expect.stringContaining("forbidden"),
    });
  });

  describe("with get and list only", () => {
    beforeAll(async () => {
      const ours = Object.values(definitions).map(({ plural }) => `${plural}.sallyport.dev`);
      const rule = ["--verb=get,list", `--resource=${ours.join()}`];
      await cluster.kubectl(["create", "clusterrole", "look", ...rule]);
      await cluster.kubectl(["create", "clusterrolebinding", "look", "--clusterrole=look", "--group=viewers"]);
    });

    it("nothing changes where the folder was just applied: the server adds nothing that a person would have to write", async () => {
      expect((await diff(given())).value).toEqual({ changes: [] });
      expect(await plan(given())).toMatchObject({ exitCode: 0, value: { changes: [] } });
    });

    it("a changed image is a new task definition; what no file names stays, unless it would be pruned", async () => {
      const file = path.join(folder, "proxy.yaml");
      const before = readFileSync(file, "utf8");
      writeFileSync(file, before.replace(/image: .*/, "image: sallyport:2"));
      rmSync(path.join(folder, "workflows.yaml"));

      const kept = await plan(given());
      const pruned = await plan(given({ prune: true }));

      expect(kept.exitCode).toBe(2);
      expect(kept.text).toContain("ecs:RegisterTaskDefinition");
      expect(kept.text).not.toContain("AccessWorkflow");
      expect(pruned.text).toContain("- AccessWorkflow/default/standard is removed");
    });
  });
});
