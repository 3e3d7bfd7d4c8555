import type { ObjectMeta } from "#kinds/index.ts";
import type { EpochMs } from "#lib/clock.ts";
import type { Action, Decision, GrantInput } from "./types.ts";

/**
 * Whether this object is ours to delete once it has had its time (`ttlSecondsAfterFinished`): what people made through the API or with
 * kubectl. What a file or a GitOps tool says stays: it would be made again at once.
 */
export function isDisposable(origin: string, metadata: ObjectMeta): boolean {
  return origin === "api" || (origin === "cluster" && !isTracked(metadata));
}

/** The marks of Argo CD (annotation or label tracking) and of Flux (operators.md 6.2). Helm's label is the same as Argo CD's. */
function isTracked({ labels = {}, annotations = {} }: ObjectMeta): boolean {
  return (
    annotations["argocd.argoproj.io/tracking-id"] !== undefined ||
    labels["app.kubernetes.io/instance"] !== undefined ||
    Object.keys(labels).some((key) => /^(kustomize|helm)\.toolkit\.fluxcd\.io\//.test(key))
  );
}

/** What else is to be done about a Grant that is over for good: nothing, or its deletion when its time has come. */
export function disposalOf(
  { grant, isOurs, now }: GrantInput,
  finished: EpochMs,
): { readonly actions: readonly Action[]; readonly next: Decision["next"] } {
  const { ttlSecondsAfterFinished: seconds } = grant.spec;
  if (seconds === undefined || isOurs !== true || Number.isNaN(finished)) {
    return { actions: [], next: { kind: "settled" } };
  }
  const due = finished + seconds * 1_000;
  return now >= due
    ? { actions: [{ kind: "Forget" }], next: { kind: "settled" } }
    : { actions: [], next: { kind: "waiting", untilMs: due, why: "ttlSecondsAfterFinished", priority: "resync" } };
}
