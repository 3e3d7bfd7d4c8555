import { assertNever } from "#lib/errors.ts";
import { isFailure } from "../../aws/errors.ts";
import type { PermissionSet } from "../../aws/ports.ts";
import { account, type ActEnv, center, recorded, setARN, type StepResult } from "./act-env.ts";
import { notOwnedMessage, othersMessage } from "./decide-live.ts";
import { awaitOperation, startOperation } from "./operations.ts";
import { endFromTags, isOwnSet, roleTags, tagKeys, windowFromTags, windowTags } from "./tags.ts";
import type { Action, GrantPatch } from "./types.ts";
import { formatTime, openWindow } from "./window.ts";

export type { StepResult } from "./act-env.ts";

/** IAM is eventually consistent: a role that was just provisioned may be listed a moment later. In milliseconds. */
const roleWaitMs = 1_000;
/** How long a set that AWS does not show yet is given, in milliseconds. */
const notShownMs = 2_000;
/** How often a set that others hold is looked at again, in milliseconds: a person must take their assignments away first. */
export const othersRetryMs = 300_000;

/** Performs one step. Rejects with an AwsFailure; each step can be performed again after a crash at any point. */
export async function performAction(action: Action, env: ActEnv): Promise<StepResult> {
  switch (action.kind) {
    case "CreatePermissionSet":
      return createSet(action, env);
    case "PutInlinePolicy":
      await center(env).putInlinePolicy(setARN(env), action.policy);
      return {};
    case "CreateAssignment":
    case "DeleteAssignment":
    case "Provision":
      return startOperation(action, env);
    case "AwaitOperation":
      return awaitOperation(env);
    case "ReadRole":
      return readRole(action.permissionSetName, env);
    case "Activate":
      return activate(action, env);
    case "MoveExpiry": {
      const { expiryTime, extensionCount } = action;
      const { activationTime } = env.grant.status ?? {};
      const window = { expiryTime, extensionCount, ...(activationTime === undefined ? {} : { activationTime }) };
      await center(env).tagPermissionSet(setARN(env), windowTags(window));
      return { patch: { expiryTime, extensionCount } };
    }
    case "TerminateSessions":
      await account(env).terminateSessions({ ...action, targets: [] });
      return {};
    case "TagEnded":
      await center(env).tagPermissionSet(setARN(env), {
        [tagKeys.ended]: action.endTime,
        [tagKeys.endReason]: action.reason,
      });
      return {};
    case "DeletePermissionSet":
      return deleteSet(env);
    case "RestoreTags":
      await center(env).tagPermissionSet(setARN(env), { ...action.tags, ...roleTags(env.grant.status?.external) });
      return {};
    case "RecordDeprovisioned":
      return {
        patch: {
          deprovisionTime: formatTime(env.clock.now()),
          observedGeneration: env.grant.metadata.generation ?? 0,
        },
      };
    case "PutTombstone":
      await env.source.putTombstone(action.tombstone);
      return {};
    case "Release":
      await env.source.release(env.grant);
      return {};
    case "Forget":
      await env.source.forget(env.grant);
      return {};
    default:
      return assertNever(action);
  }
}

/** A name that is taken is our own set where an earlier create's answer was lost; anything else is left alone. */
async function createSet(action: Extract<Action, { kind: "CreatePermissionSet" }>, env: ActEnv): Promise<StepResult> {
  const { external, activationTime, expiryTime } = env.grant.status ?? {};
  let set: PermissionSet;
  let isAdopted = false;
  try {
    set = await center(env).createPermissionSet(action);
  } catch (thrown) {
    if (isFailure(thrown, "conflict") && external?.permissionSetARN !== undefined) {
      // The name is taken, most likely by the one on record, which AWS does not show yet: a search would not find it either.
      return { wait: { ms: notShownMs, why: "AWS to show the permission set" } };
    }
    const found = isFailure(thrown, "conflict") ? await center(env).findPermissionSet(action.name) : undefined;
    if (found === undefined) {
      throw thrown;
    }
    set = found;
    isAdopted = true;
  }
  if (!isOwnSet(set.tags, env.installation, env.grant.metadata.uid ?? "")) {
    return { refused: { reason: "NotOwned", message: notOwnedMessage(env.grant) } };
  }
  const isNew = activationTime === undefined && expiryTime === undefined;
  const window = isNew ? windowFromTags(set.tags, env.clock.now()) : {};
  const patch = { external: { ...recorded(external), permissionSetARN: set.arn }, ...window };
  return { ...endedBefore(set.tags, patch, env), isAdopted };
}

/** Nothing is added to a set whose tags say that the access has ended, though the status that said so was lost. */
function endedBefore(tags: Readonly<Record<string, string>>, patch: GrantPatch, env: ActEnv): StepResult {
  const ended = endFromTags(tags, env.clock.now());
  return ended.end === undefined
    ? { patch }
    : { patch: { ...patch, ...ended }, wait: { ms: 0, why: "what is left to be taken away" } };
}

async function readRole(permissionSetName: string, env: ActEnv): Promise<StepResult> {
  const role = await account(env).findReservedRole(permissionSetName);
  if (role === undefined) {
    return { wait: { ms: roleWaitMs, why: "IAM does not list the provisioned role yet" } };
  }
  const { roleID, roleName } = role;
  return { patch: { external: { ...recorded(env.grant.status?.external), roleID, roleName } } };
}

/** Tags first: a state lost right after must find the window that was given, and a crash in between reads it back. */
async function activate(action: Extract<Action, { kind: "Activate" }>, env: ActEnv): Promise<StepResult> {
  const tags = env.tags ?? (await center(env).getTags(setARN(env))) ?? {};
  const known = windowFromTags(tags, env.clock.now());
  if (known.activationTime !== undefined || tags[tagKeys.ended] !== undefined) {
    return endedBefore(tags, known, env);
  }
  const window = openWindow(env.clock.now(), action);
  const patch = {
    activationTime: formatTime(window.activation),
    expiryTime: formatTime(window.expiry),
    extensionCount: 0,
  };
  await center(env).tagPermissionSet(setARN(env), { ...windowTags(patch), ...roleTags(env.grant.status?.external) });
  return { patch };
}

/**
 * Deletes the set, if it carries our tags. One that AWS does not show is deleted all the same: it is the very ARN that is on record
 * as ours, and only the deletion's own answer is certain. AWS refuses while anybody is assigned; who that is, is then said.
 */
async function deleteSet(env: ActEnv): Promise<StepResult> {
  const port = center(env);
  const arn = setARN(env);
  const tags = await port.getTags(arn);
  if (tags !== undefined && !isOwnSet(tags, env.installation, env.grant.metadata.uid ?? "")) {
    return { refused: { reason: "NotOwned", message: notOwnedMessage(env.grant) } };
  }
  try {
    await port.deletePermissionSet(arn);
    return {};
  } catch (thrown) {
    const others = isFailure(thrown, "conflict") ? await holdersOf(arn, env) : [];
    if (others.length === 0) {
      throw thrown;
    }
    return {
      refused: {
        reason: "ForeignAssignment",
        message: othersMessage(env.grant.status?.grantID ?? "", others),
        retryMs: othersRetryMs,
      },
    };
  }
}

/** Who but the Grant's person is assigned to the set, in any account. */
async function holdersOf(arn: string, env: ActEnv): Promise<string[]> {
  const { principalID } = recorded(env.grant.status?.external);
  const holders: string[] = [];
  for (const accountID of await center(env).accountsOf(arn)) {
    const assignments = await center(env).listAssignments(arn, accountID);
    holders.push(...assignments.flatMap((other) => (other.principalID === principalID ? [] : [other.principalID])));
  }
  return holders;
}

/** Takes back a set that got no place in its account: what cannot be used is not left half-made. */
export async function undoSet(env: ActEnv): Promise<StepResult> {
  const { permissionSetARN: _arn, operation: _operation, ...rest } = recorded(env.grant.status?.external);
  const { refused } = await deleteSet(env);
  return refused === undefined ? { patch: { external: rest } } : { refused };
}
