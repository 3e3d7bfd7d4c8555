import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { diff, plan } from "#controller/plan/main.ts";
import { systemClock } from "#lib/clock.ts";
import { controlPlaneMissing, startControlPlane, type ControlPlane } from "#test/harness/control-plane.ts";

const examples = path.join(import.meta.dirname, "..", "..", "examples");
const missing = controlPlaneMissing();
let cluster: ControlPlane;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "sallyport-plan-"));
  cpSync(examples, folder, { recursive: true });
  if (missing === undefined) {
    cluster = await startControlPlane();
    await cluster.installCRDs();
    await cluster.kubectl(["apply", "-f", folder]);
  }
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await cluster?.close();
});
beforeEach(({ skip }) => skip(missing !== undefined, missing));

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
      if (missing === undefined) {
        const resource = "--resource=proxies,databases,availabilities,accessworkflows,grants,grantreviews";
        await cluster.kubectl([
          "create",
          "clusterrole",
          "look",
          "--verb=get,list",
          `${resource}`.replaceAll(",", ".sallyport.dev,").concat(".sallyport.dev"),
        ]);
        await cluster.kubectl(["create", "clusterrolebinding", "look", "--clusterrole=look", "--group=viewers"]);
      }
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
