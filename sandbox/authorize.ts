import { AwsError, type Call, type PolicyDocument } from "./service.ts";

/** Condition keys of one request, such as `ssm:resourceTag/proxy`. Keys are compared without case. */
export type ConditionContext = Readonly<Record<string, string | readonly string[]>>;

/** What a policy is asked. */
export interface AccessRequest {
  /** `ssm:StartSession`. */
  readonly action: string;
  readonly resource: string;
  readonly context: ConditionContext;
}

/** What policies say: an explicit Deny wins; nothing that allows is a denial too. */
export type Verdict = "allow" | "explicit-deny" | "implicit-deny";

/** Evaluates identity policies for one request. */
export type Evaluate = (policies: readonly PolicyDocument[], request: AccessRequest) => Verdict;

/** Throws `AccessDeniedException` unless the caller may perform `action` on `resource`. */
export type Authorize = (call: Call, action: string, resource: string, context?: ConditionContext) => void;

/** Builds the check that services call: an administrator passes, anyone else is judged by their policies of this moment. */
export function createAuthorize(evaluate: Evaluate): Authorize {
  return (call, action, resource, context = {}) => {
    const caller = call.caller;
    if (caller === undefined) {
      throw new AwsError("AccessDeniedException", "No credentials", 403);
    }
    const permissions = caller.permissions();
    if (permissions === "administrator") {
      return;
    }
    const verdict = evaluate(permissions, { action, resource, context: { ...callerContext(call), ...context } });
    if (verdict !== "allow") {
      throw new AwsError("AccessDeniedException", deniedMessage(caller.arn, action, resource, verdict));
    }
  };
}

/** Global condition keys that follow from who calls. */
export function callerContext(call: Call): ConditionContext {
  const caller = call.caller;
  if (caller === undefined) {
    return {};
  }
  return {
    "aws:userid": caller.userID,
    // Sessions of a role are known by the role's ARN, and have no user name (IAM User Guide, global condition keys).
    "aws:PrincipalArn": caller.roleARN ?? caller.arn,
    "aws:PrincipalType": caller.roleARN === undefined ? "User" : "AssumedRole",
    ...(caller.roleARN === undefined ? { "aws:username": caller.arn.split("/").at(-1) ?? "" } : {}),
    "aws:PrincipalAccount": caller.accountID,
    "aws:RequestedRegion": call.region,
  };
}

/** AWS's own sentence. */
export function deniedMessage(arn: string, action: string, resource: string, verdict: Verdict): string {
  const why =
    verdict === "explicit-deny"
      ? "with an explicit deny in an identity-based policy"
      : `because no identity-based policy allows the ${action} action`;
  return `User: ${arn} is not authorized to perform: ${action} on resource: ${resource} ${why}`;
}
