import type { AccessWorkflow, AccessWorkflowStatus, Availability, ConditionInput, ObjectKey } from "#kinds/index.ts";
import type { Clock } from "#lib/clock.ts";
import { identityCondition } from "../../admission/condition.ts";
import type { IdentityTrust } from "../../admission/identity-trust.ts";
import type { IdentityVerdict } from "../../admission/verdict.ts";
import type { Source } from "../../source/source.ts";
import { isPattern } from "../grant/reason.ts";
import type { Reconciler } from "../reconciler.ts";
import type { Patch } from "../status/patch.ts";
import { ready, stalledAt } from "../status/simple.ts";
import { writeObjectStatus } from "../status/write.ts";

/** Shows whether AccessWorkflows can be used and by how many Availabilities they are. They are policy: nothing is made of them. */
export function accessWorkflowReconciler({
  source,
  clock,
  identity,
}: {
  source: Source;
  clock: Clock;
  identity: Pick<IdentityTrust, "current">;
}): Reconciler {
  return {
    kind: "AccessWorkflow",
    async reconcile({ namespace, name }) {
      const workflow = source.get("AccessWorkflow", namespace, name)?.object;
      if (workflow !== undefined) {
        const availabilities = source.list("Availability").map(({ object }) => object);
        await writeObjectStatus(
          source,
          workflow,
          decideAccessWorkflow(workflow, availabilities, identity.current()),
          clock,
        );
      }
      return { kind: "settled" };
    },
    affectedBy(changed: ObjectKey) {
      const availability =
        changed.kind === "Availability" ? source.get("Availability", changed.namespace, changed.name) : undefined;
      if (changed.kind !== "Availability") {
        return [];
      }
      // One that is gone may have named any of them.
      const named = availability?.object.spec.workflowRef.name;
      return source.list("AccessWorkflow").flatMap(({ object: { metadata } }) => {
        const isAffected = metadata.namespace === changed.namespace && (named === undefined || named === metadata.name);
        return isAffected
          ? [{ kind: "AccessWorkflow" as const, namespace: metadata.namespace, name: metadata.name }]
          : [];
      });
    },
  };
}

/** Status of an AccessWorkflow. Pure. */
export function decideAccessWorkflow(
  workflow: AccessWorkflow,
  availabilities: readonly Availability[],
  identity: IdentityVerdict,
): { readonly patch: Patch<AccessWorkflowStatus>; readonly conditions: readonly ConditionInput[] } {
  const { metadata, spec } = workflow;
  const users = availabilities.filter(
    (other) => other.metadata.namespace === metadata.namespace && other.spec.workflowRef.name === metadata.name,
  );
  const broken = spec.reasonPolicy?.patterns?.find(({ pattern }) => !isPattern(pattern));
  return {
    patch: { observedGeneration: metadata.generation ?? 0, availabilities: users.length },
    conditions: [
      ...(broken === undefined
        ? ready("Accepted", `Used by ${users.length} availabilities.`)
        : stalledAt(
            "InvalidPattern",
            `spec.reasonPolicy has a pattern that is not a regular expression: ${broken.pattern}`,
          )),
      ...identityCondition(identity),
    ],
  };
}
