import { callerContext, deniedMessage } from "../authorize.ts";
import type { ConditionContext, Evaluate } from "../authorize.ts";
import { AwsError } from "../service.ts";
import type { Call } from "../service.ts";
import { documentARN, shellDocument } from "./documents.ts";
import type { SessionStart } from "./session.ts";

const action = "ssm:StartSession";
const documentCheck = "ssm:SessionDocumentAccessCheck";

/**
 * Decides StartSession as Session Manager documents it. The task must be allowed. The document is checked only when the
 * statement that allows the task asks for it by `BoolIfExists ssm:SessionDocumentAccessCheck = true`; then it must be
 * named and be allowed too. A policy without that condition opens every document, the shell included: a statement that
 * forgets it is found here as it would be on AWS. Throws AccessDeniedException.
 */
export function authorizeStart(
  call: Call,
  evaluate: Evaluate,
  resource: { readonly arn: string; readonly tags: Readonly<Record<string, string>> },
  documentName: string | undefined,
): void {
  const caller = call.caller;
  const permissions = caller?.permissions() ?? [];
  if (caller === undefined) {
    throw new AwsError("MissingAuthenticationToken", "Missing Authentication Token", 403);
  }
  if (permissions === "administrator") {
    return;
  }
  const document = documentARN(documentName ?? shellDocument, call.region, caller.accountID);
  const ask = (arn: string, checked: boolean): ReturnType<Evaluate> => {
    const tags = arn === resource.arn ? resourceTags(resource.tags) : {};
    const context = { ...callerContext(call), ...tags, [documentCheck]: String(checked) };
    return evaluate(permissions, { action, resource: arn, context });
  };
  const refuse = (arn: string, verdict: ReturnType<Evaluate>): never => {
    throw new AwsError("AccessDeniedException", deniedMessage(caller.arn, action, arn, verdict));
  };

  if (ask(resource.arn, false) === "allow") {
    const verdict = ask(document, false);
    return verdict === "explicit-deny" ? refuse(document, verdict) : undefined;
  }
  const task = ask(resource.arn, true);
  if (task !== "allow") {
    refuse(resource.arn, task);
  }
  const named = documentName === undefined ? "implicit-deny" : ask(document, true);
  return named === "allow" ? undefined : refuse(document, named);
}

/** `arn:aws:ssm:<region>:<account>:session/<id>`. */
export function sessionARN(region: string, accountID: string, sessionID: string): string {
  return `arn:aws:ssm:${region}:${accountID}:session/${sessionID}`;
}

/**
 * The tags that Session Manager puts on a session, as condition keys: `aws:ssmmessages:session-id` is the owner's user ID
 * (Systems Manager User Guide, "Additional sample IAM policies for Session Manager").
 */
export function sessionContext(start: SessionStart): ConditionContext {
  return resourceTags({
    "aws:ssmmessages:session-id": start.ownerUserID,
    "aws:ssmmessages:target-id": start.targetName,
  });
}

/** Tags under both of the prefixes by which policies name them. */
export function resourceTags(tags: Readonly<Record<string, string>>): ConditionContext {
  return Object.fromEntries(
    Object.entries(tags).flatMap(([key, value]) => [
      [`ssm:resourceTag/${key}`, value],
      [`aws:ResourceTag/${key}`, value],
    ]),
  );
}
