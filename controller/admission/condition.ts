import type { ConditionInput } from "#kinds/index.ts";
import type { IdentityVerdict } from "./verdict.ts";

/**
 * The condition that tells people whether what is decided with kubectl counts. None in folder mode, where nothing is decided that way.
 */
export function identityCondition(verdict: IdentityVerdict): ConditionInput[] {
  switch (verdict.kind) {
    case "folder":
      return [];
    case "trusted":
      return [
        {
          type: "IdentityVerified",
          status: "True",
          reason: "AdmissionPolicies",
          message: "The API server checks who asks and who decides.",
        },
      ];
    default:
      return [
        {
          type: "IdentityVerified",
          status: "False",
          reason: verdict.reason,
          message: `Reviews made with kubectl do not count: who made them is not proven. ${verdict.message}`,
        },
      ];
  }
}
