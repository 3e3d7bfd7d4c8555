import type { EpochMs } from "#lib/clock.ts";
import { expectedPolicies, parametersName } from "./expected.ts";
import { type AdmissionLook, admissionDigest, type Found } from "./look.ts";

/** Whether what the cluster's objects say of people was checked by the API server when they were made. */
export type IdentityVerdict =
  /** Objects come from files: a file proves the pipeline that brought it, never a person. */
  | { readonly kind: "folder" }
  /** The policies are as they were shipped, and have been since then, by the API server's clock. */
  | { readonly kind: "trusted"; readonly sinceMs: EpochMs }
  /** Anybody may have written anything: only what the control API made counts. */
  | { readonly kind: "untrusted"; readonly reason: UntrustedReason; readonly message: string };

/** CamelCase, for conditions. */
export type UntrustedReason =
  | "PolicyMissing"
  | "PolicyAltered"
  | "BindingMissing"
  | "BindingAltered"
  | "ParametersMissing"
  | "NotLooked";

/** What a verdict is before the first look. */
export const notLooked: IdentityVerdict = {
  kind: "untrusted",
  reason: "NotLooked",
  message: "Sallyport has not seen the admission policies of this cluster yet.",
};

/** What to do about a policy that is missing or altered. */
const remedy =
  "Delete it if it is there, and apply manifests/admission of this version again; until then decide through the control API.";

/** Judges one look: every policy and binding must be exactly the shipped one, with the parameters in our namespace. Pure. */
export function judgeAdmission(look: AdmissionLook): IdentityVerdict {
  const untrusted = (reason: UntrustedReason, what: string): IdentityVerdict => ({
    kind: "untrusted",
    reason,
    message: `${what}. ${remedy}`,
  });
  const found: Found[] = [];
  for (const { name, policyDigest, bindingDigest } of expectedPolicies) {
    const { policy, binding } = look.policies.get(name) ?? {};
    if (policy === undefined) {
      return untrusted("PolicyMissing", `The ValidatingAdmissionPolicy ${name} is not there`);
    }
    if (admissionDigest(policy.spec) !== policyDigest) {
      return untrusted("PolicyAltered", `The ValidatingAdmissionPolicy ${name} is not the one of this version`);
    }
    if (binding === undefined) {
      return untrusted("BindingMissing", `The ValidatingAdmissionPolicyBinding ${name} is not there`);
    }
    if (admissionDigest(binding.spec) !== bindingDigest || !pointsTo(binding, look.namespace)) {
      return untrusted("BindingAltered", `The ValidatingAdmissionPolicyBinding ${name} is not the one of this version`);
    }
    found.push(policy, binding);
  }
  if (look.parameters === undefined) {
    const what = `The ConfigMap ${parametersName} is not in the namespace ${look.namespace}`;
    return untrusted("ParametersMissing", what);
  }
  // Policies guard what the parameters say; what counts of them is that they were there.
  const times = [...found.map(unalteredSince), Date.parse(look.parameters.metadata.creationTimestamp ?? "")];
  const sinceMs = Math.max(...times);
  return Number.isNaN(sinceMs)
    ? untrusted(
        "PolicyAltered",
        "An admission policy was altered, and the cluster does not remember when it was put back",
      )
    : { kind: "trusted", sinceMs };
}

function pointsTo(binding: Found, namespace: string): boolean {
  const reference = binding.spec?.["paramRef"] as { readonly namespace?: string } | undefined;
  return reference === undefined || reference.namespace === namespace;
}

/**
 * Since when the spec has been as it is. The API server raises the generation with every change of a spec and nobody can lower it, so the
 * first generation is as old as the object. A later one is as old as the newest entry of managedFields that owns a part of the spec: the
 * server stamps an entry whenever it changes a value. NaN where those were wiped.
 */
function unalteredSince({ metadata }: Found): EpochMs {
  if (metadata.generation === 1) {
    return Date.parse(metadata.creationTimestamp ?? "");
  }
  const times = (metadata.managedFields ?? []).flatMap(({ time, fieldsV1 }) =>
    fieldsV1?.["f:spec"] === undefined ? [] : [Date.parse(time ?? "")],
  );
  return times.length === 0 ? Number.NaN : Math.max(...times);
}
