import type { Context } from "../context.ts";
import { text } from "../input.ts";
import { page } from "../paging.ts";
import { AwsError, type Operation } from "../service.ts";
import { idleSet, requiredSet } from "./permission-sets.ts";
import type { RequestBook } from "./requests.ts";
import { inlinePolicyBytesMax, inlinePolicyRule, managedPolicyRule } from "./rules.ts";

/** Operations on what a permission set allows. None changes a role: that takes `ProvisionPermissionSet`. */
export function policyOperations({ state }: Context, book: RequestBook): Record<string, Operation> {
  return {
    PutInlinePolicyToPermissionSet(input) {
      const set = idleSet(state, book, input);
      const policy = text(input, "InlinePolicy", inlinePolicyRule);
      checkPolicy(policy);
      set.inlinePolicy = policy;
      set.revision += 1;
      state.events.record({ kind: "policy", arn: set.arn, policy });
      return {};
    },
    // A set without a policy answers the empty text.
    GetInlinePolicyForPermissionSet: (input) => ({ InlinePolicy: requiredSet(state, input).inlinePolicy }),
    DeleteInlinePolicyFromPermissionSet(input) {
      const set = idleSet(state, book, input);
      set.inlinePolicy = "";
      set.revision += 1;
      state.events.record({ kind: "policy", arn: set.arn, policy: "" });
      return {};
    },
    AttachManagedPolicyToPermissionSet(input) {
      const set = idleSet(state, book, input);
      const arn = text(input, "ManagedPolicyArn", managedPolicyRule);
      if (set.managedPolicyARNs.has(arn)) {
        throw new AwsError("ConflictException", `${arn} is already attached.`);
      }
      set.managedPolicyARNs.add(arn);
      set.revision += 1;
      return {};
    },
    DetachManagedPolicyFromPermissionSet(input) {
      const set = idleSet(state, book, input);
      const arn = text(input, "ManagedPolicyArn", managedPolicyRule);
      if (!set.managedPolicyARNs.delete(arn)) {
        throw new AwsError("ResourceNotFoundException", `${arn} is not attached.`);
      }
      set.revision += 1;
      return {};
    },
    ListManagedPoliciesInPermissionSet(input) {
      const { items, next } = page([...requiredSet(state, input).managedPolicyARNs], input);
      return {
        AttachedManagedPolicies: items.map((arn) => ({ Name: arn.split("/").at(-1), Arn: arn })),
        NextToken: next,
      };
    },
  };
}

/** Throws `ValidationException` for what is not a policy document, `ServiceQuotaExceededException` for one that is too large. */
function checkPolicy(policy: string): void {
  if (Buffer.byteLength(policy.replaceAll(/\s/g, "")) > inlinePolicyBytesMax) {
    throw new AwsError(
      "ServiceQuotaExceededException",
      `The inline policy is larger than ${inlinePolicyBytesMax} bytes without white space.`,
    );
  }
  if (!isPolicy(parse(policy))) {
    throw new AwsError("ValidationException", "The inline policy is not a valid policy document.");
  }
}

function parse(policy: string): unknown {
  try {
    return JSON.parse(policy);
  } catch {
    return undefined;
  }
}

function isPolicy(value: unknown): boolean {
  if (typeof value !== "object" || value === null || !("Statement" in value)) {
    return false;
  }
  const statements: unknown[] = Array.isArray(value.Statement) ? value.Statement : [value.Statement];
  return statements.length > 0 && statements.every((statement) => isStatement(statement));
}

/** The members that IAM's policy grammar demands of a statement of an identity-based policy. */
function isStatement(value: unknown): boolean {
  if (typeof value !== "object" || value === null) {
    return false;
  }
  const has = (name: string): boolean => Object.hasOwn(value, name);
  const effect = "Effect" in value ? value.Effect : undefined;
  return (
    (effect === "Allow" || effect === "Deny") &&
    has("Action") !== has("NotAction") &&
    has("Resource") !== has("NotResource") &&
    !has("Principal")
  );
}
