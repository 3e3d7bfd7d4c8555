import type { ObjectKey } from "#kinds/index.ts";
import type { Clock } from "#lib/clock.ts";
import type { Source } from "../../source/source.ts";
import type { Reconciler } from "../reconciler.ts";
import { writeObjectStatus } from "../status/write.ts";
import { decideAvailability } from "./decide.ts";

/** Counts what Availabilities match. They converge to nothing else. */
export function availabilityReconciler({ source, clock }: { source: Source; clock: Clock }): Reconciler {
  return {
    kind: "Availability",
    async reconcile({ namespace, name }) {
      const availability = source.get("Availability", namespace, name)?.object;
      if (availability !== undefined) {
        const write = decideAvailability({
          availability,
          workflow: source.get("AccessWorkflow", namespace, availability.spec.workflowRef.name)?.object,
          databases: source.list("Database").flatMap(({ object }) => inNamespace(object, namespace)),
          grants: source.list("Grant").flatMap(({ object }) => inNamespace(object, namespace)),
        });
        await writeObjectStatus(source, availability, write, clock);
      }
      return { kind: "settled" };
    },
    affectedBy(changed: ObjectKey) {
      if (changed.kind !== "Database" && changed.kind !== "AccessWorkflow" && changed.kind !== "Grant") {
        return [];
      }
      const through =
        changed.kind === "Grant"
          ? source.get("Grant", changed.namespace, changed.name)?.object.status?.availability?.name
          : undefined;
      return source.list("Availability").flatMap(({ object: { metadata } }) => {
        const isAffected =
          metadata.namespace === changed.namespace && (changed.kind !== "Grant" || metadata.name === through);
        return isAffected
          ? [{ kind: "Availability" as const, namespace: metadata.namespace, name: metadata.name }]
          : [];
      });
    },
  };
}

function inNamespace<T extends { readonly metadata: { readonly namespace: string } }>(
  object: T,
  namespace: string,
): T[] {
  return object.metadata.namespace === namespace ? [object] : [];
}
