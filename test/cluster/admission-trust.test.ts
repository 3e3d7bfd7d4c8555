import { afterAll, describe, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import type { GrantReview } from "#kinds/index.ts";
import { clusterTrust, type IdentityTrust } from "#controller/admission/identity-trust.ts";
import { reviewerOf, settlingMs } from "#controller/admission/proven.ts";
import { loadKubeAccess } from "#controller/kube/kubeconfig.ts";
import { createKubeTransport } from "#controller/kube/https-transport.ts";
import type { KubeTransport } from "#controller/kube/transport.ts";
import type { Stored } from "#controller/source/source.ts";
import { type AdmissionStand, aReview, controllerNamespace, givenAdmissionStand } from "./admission-stand.ts";

let stand: AdmissionStand;
let transport: KubeTransport;
let trust: IdentityTrust;

givenAdmissionStand(async (started) => {
  stand = started;
  const access = await loadKubeAccess({ file: stand.plane.kubeconfigFile, environment: {} });
  transport = createKubeTransport({ access, version: "0.0.0", clock: systemClock });
  trust = clusterTrust({ transport, namespace: controllerNamespace, clock: systemClock, log: silentLog });
});
afterAll(() => {
  trust?.close();
  transport?.close();
});

const policies = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
const bindings = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings";

function change(path: string, spec: object): Promise<unknown> {
  const contentType = "application/merge-patch+json";
  return stand.plane.request({ method: "PATCH", path, contentType, body: { spec } });
}

function apply(): Promise<string> {
  return stand.plane.kubectl(["apply", "--server-side", "--force-conflicts", "-k", "manifests/admission"]);
}

describe("the admission policies as a real API server keeps them", () => {
  it("are known again: the server's defaults change nothing that was shipped", async () => {
    expect(await trust.look()).toMatchObject({ kind: "trusted" });
    expect(trust.reviewsFromClusterCount()).toBe(true);
  });

  it("make a review of a person theirs, once they have been in force for a while", async () => {
    const grace = await stand.person("grace", "sallyport-reviewer");
    await stand.create(grace, aReview("by-grace", "grace"));
    const verdict = await trust.look();
    const object = (await stand.get(aReview("by-grace", "grace"))) as unknown as GrantReview;
    const stored = { object, origin: "cluster", problems: [] } as unknown as Stored<GrantReview>;
    const created = Date.parse(object.metadata.creationTimestamp ?? "");

    expect(reviewerOf(stored, verdict)).toMatchObject({ kind: "unproven", reason: "MadeBeforePolicy" });
    const longInForce = { kind: "trusted", sinceMs: created - settlingMs - 1_000 } as const;
    expect(reviewerOf(stored, longInForce)).toEqual({ kind: "person", username: "grace" });
  });

  it.each([
    ["PolicyAltered", `${policies}/sallyport-reviewer`, { failurePolicy: "Ignore" }, "apply"],
    [
      "PolicyAltered",
      `${policies}/sallyport-requester`,
      { matchConditions: [{ name: "never", expression: "false" }] },
      "delete",
    ],
    ["BindingAltered", `${bindings}/sallyport-reviewer`, { validationActions: ["Audit"] }, "delete"],
    [
      "BindingAltered",
      `${bindings}/sallyport-controller-only`,
      { paramRef: { parameterNotFoundAction: "Deny" } },
      "apply",
    ],
  ])("%s: %s with %j", async (reason, path, spec, remedy) => {
    const before = await trust.look();
    await change(path, spec);

    expect(await trust.look()).toMatchObject({ kind: "untrusted", reason });

    const altered = Date.now();
    if (remedy === "delete") {
      // What somebody added is theirs: applying ours does not take it away.
      await stand.plane.request({ method: "DELETE", path });
    }
    await apply();
    const after = await trust.look();
    expect(after).toMatchObject({ kind: "trusted" });
    // What was made in between, or at any time before it was put back, proves nothing any more. Instants have whole seconds here.
    expect(after.kind === "trusted" && after.sinceMs).toBeGreaterThanOrEqual(Math.floor(altered / 1_000) * 1_000);
    expect(after.kind === "trusted" && before.kind === "trusted" && after.sinceMs >= before.sinceMs).toBe(true);
  });

  it("are not trusted where one was deleted, and afterwards only from when it was put back", async () => {
    for (const path of [`${bindings}/sallyport-administrators`, `${policies}/sallyport-administrators`]) {
      await stand.plane.request({ method: "DELETE", path });
      expect(await trust.look()).toMatchObject({ kind: "untrusted" });
      const deleted = Math.floor(Date.now() / 1_000) * 1_000;

      await apply();
      const verdict = await trust.look();
      expect(verdict.kind === "trusted" && verdict.sinceMs).toBeGreaterThanOrEqual(deleted);
    }
  });
});
