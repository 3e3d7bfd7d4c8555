import type { Condition } from "./generated/condition.ts";

/** How tools that know no kind of ours (Flux, `kubectl wait`, Argo CD through kstatus) see an object. */
export type KStatus = "Current" | "InProgress" | "Failed" | "Terminating";

/** The part of an object that the verdict rests on. */
export interface Observed {
  readonly metadata: { readonly generation?: number; readonly deletionTimestamp?: string };
  readonly status?: { readonly observedGeneration?: number; readonly conditions?: readonly Condition[] };
}

/**
 * The verdict of the kstatus library (sigs.k8s.io/cli-utils, `pkg/kstatus/status`), in its order: deletion, unobserved
 * generation, Reconciling or Stalled, whichever is listed first, Ready. An object without a condition counts as Current, as it does
 * there: so a controller must write Ready=Unknown on its first visit.
 */
export function kstatusOf({ metadata, status }: Observed): KStatus {
  if (metadata.deletionTimestamp !== undefined) {
    return "Terminating";
  }
  const { observedGeneration, conditions = [] } = status ?? {};
  const { generation } = metadata;
  if (generation !== undefined && observedGeneration !== undefined && observedGeneration !== generation) {
    return "InProgress";
  }
  const abnormal = conditions.find(
    (condition) => (condition.type === "Reconciling" || condition.type === "Stalled") && condition.status === "True",
  );
  if (abnormal !== undefined) {
    return abnormal.type === "Reconciling" ? "InProgress" : "Failed";
  }
  const ready = conditions.find((condition) => condition.type === "Ready");
  return ready === undefined || ready.status === "True" ? "Current" : "InProgress";
}
