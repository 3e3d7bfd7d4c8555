import { callerContext } from "../authorize.ts";
import type { Context } from "../context.ts";
import { optionalInteger, optionalText, text } from "../input.ts";
import { contextLookup, evaluateCondition } from "../policy/condition.ts";
import { assumedRoleARN, type Role } from "../roles.ts";
import { AwsError, type Call, type Operation, type PolicyStatement, type Service } from "../service.ts";

/** Security Token Service: who am I, and assuming ordinary roles. */
export function stsService(context: Context): Service {
  return {
    signingName: "sts",
    protocol: "query",
    target: "2011-06-15",
    xmlNamespace: "https://sts.amazonaws.com/doc/2011-06-15/",
    signingRegions: ["us-east-1"],
    operations: { GetCallerIdentity: getCallerIdentity, AssumeRole: assumeRole(context) },
    mutating: [],
  };
}

/** Needs no permission and no policy can deny it: it proves who signed, never what they may do. */
const getCallerIdentity: Operation = (_input, call) => ({
  Account: call.caller?.accountID,
  Arn: call.caller?.arn,
  UserId: call.caller?.userID,
});

function assumeRole({ state, clock, authorize }: Context): Operation {
  return (input, call) => {
    const arn = text(input, "RoleArn", { min: 20, max: 2048 });
    const sessionName = text(input, "RoleSessionName", { min: 2, max: 64, pattern: /^[\w+=,.@-]*$/ });
    const seconds = optionalInteger(input, "DurationSeconds", 900, 43_200) ?? 3600;
    const externalID = optionalText(input, "ExternalId", { min: 2, max: 1224, pattern: /^[\w+=,.@:/-]*$/ });
    authorize(call, "sts:AssumeRole", arn);
    const role = state.roles.byARN(arn);
    // A role that is not there is refused in the same words as one that does not trust the caller.
    if (role === undefined || !trusts(role, call, externalID)) {
      throw new AwsError(
        "AccessDeniedException",
        `User: ${call.caller?.arn} is not authorized to perform: sts:AssumeRole on resource: ${arn}`,
      );
    }
    if (seconds > role.maxSessionSeconds) {
      throw new AwsError(
        "ValidationException",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
      );
    }
    const expiresAt = clock.now() + seconds * 1000;
    const issued = state.credentials.mintForRole(role, sessionName, expiresAt);
    return {
      Credentials: {
        AccessKeyId: issued.accessKeyID,
        SecretAccessKey: issued.secretAccessKey,
        SessionToken: issued.sessionToken,
        Expiration: new Date(expiresAt).toISOString(),
      },
      AssumedRoleUser: { AssumedRoleId: `${role.roleID}:${sessionName}`, Arn: assumedRoleARN(role, sessionName) },
    };
  };
}

/** Whether a statement of the role's trust policy names the caller, or the caller's account, and its conditions are met. */
function trusts(role: Role, call: Call, externalID: string | undefined): boolean {
  const lookup = contextLookup({
    ...callerContext(call),
    ...(externalID === undefined ? {} : { "sts:ExternalId": externalID }),
  });
  const isMet = ({ Condition = {} }: PolicyStatement): boolean =>
    Object.entries(Condition).every(([operator, lines]) =>
      Object.entries(lines).every(
        ([key, values]) => evaluateCondition(operator, key, values, lookup, undefined) === "met",
      ),
    );
  const statements = [role.trust.Statement].flat() as PolicyStatement[];
  return statements.some((statement) => {
    const actions = [statement.Action ?? []].flat();
    const principal = statement.Principal;
    const names = typeof principal === "object" ? [principal["AWS"] ?? []].flat() : [principal ?? ""];
    return (
      statement.Effect === "Allow" &&
      actions.includes("sts:AssumeRole") &&
      names.some((name) => namesCaller(name, call)) &&
      isMet(statement)
    );
  });
}

function namesCaller(name: string, call: Call): boolean {
  const account = call.caller?.accountID ?? "";
  return name === "*" || name === account || name === `arn:aws:iam::${account}:root` || name === call.caller?.arn;
}
