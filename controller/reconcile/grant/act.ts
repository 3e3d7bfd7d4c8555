import type { Grant, GrantStatusExternal } from "#kinds/index.ts";
import type { Clock } from "#lib/clock.ts";
import { assertNever } from "#lib/errors.ts";
import { isFailure } from "../../aws/errors.ts";
import {
  AwsFailure,
  type AccountPort,
  type AwsPorts,
  type IdentityCenterPort,
  type OperationState,
  type PermissionSet,
} from "../../aws/ports.ts";
import type { Source } from "../../source/source.ts";
import { notOwnedMessage } from "./decide-live.ts";
import { isOwnSet, roleTags, tagKeys, windowFromTags, windowTags } from "./tags.ts";
import type { Action, GrantPatch } from "./types.ts";
import { formatTime, openWindow } from "./window.ts";

/** What performing needs. `grant` is the newest, with what the steps before have recorded. */
export interface ActEnv {
  readonly grant: Grant;
  readonly ports: AwsPorts;
  readonly source: Pick<Source, "putTombstone" | "release">;
  readonly clock: Clock;
  readonly installation: string;
  /** Whether the grant has ended: its calls go before all others. */
  readonly urgent: boolean;
}

/** What one step came to. */
export interface StepResult {
  /** Recorded in status before the next step. */
  readonly patch?: GrantPatch;
  /** The steps after it must wait this long. */
  readonly wait?: { readonly ms: number; readonly why: string };
  /** What AWS was asked for has failed; `patch` is recorded all the same. */
  readonly failed?: AwsFailure;
  /** A person must act first. */
  readonly refused?: { readonly reason: string; readonly message: string };
}

/** Operations end within "seconds, up to minutes" (aws-and-ssm.md B3). One that has not is given up and looked at anew. */
export const operationMaxMs = 600_000;
/** Polls grow from a few a second to one in five seconds, by the operation's age; 20 calls a second are shared by all. */
const pollMinMs = 400;
const pollMaxMs = 5_000;
/** IAM is eventually consistent: a role that was just provisioned may be listed a moment later. */
const roleWaitMs = 1_000;

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
      await center(env).deletePermissionSet(setARN(env));
      return {};
    case "RecordDeprovisioned":
      return { patch: { deprovisionTime: formatTime(env.clock.now()) } };
    case "PutTombstone":
      await env.source.putTombstone(action.tombstone);
      return {};
    case "Release":
      await env.source.release(env.grant);
      return {};
    default:
      return assertNever(action);
  }
}

/** A name that is taken is our own set where an earlier create's answer was lost; anything else is left alone. */
async function createSet(action: Extract<Action, { kind: "CreatePermissionSet" }>, env: ActEnv): Promise<StepResult> {
  const { external, activationTime, expiryTime } = env.grant.status ?? {};
  let set: PermissionSet;
  try {
    set = await center(env).createPermissionSet(action);
  } catch (thrown) {
    const found = isFailure(thrown, "conflict") ? await center(env).findPermissionSet(action.name) : undefined;
    if (found === undefined) {
      throw thrown;
    }
    set = found;
  }
  if (!isOwnSet(set.tags, env.installation, env.grant.metadata.uid ?? "")) {
    return { refused: { reason: "NotOwned", message: notOwnedMessage(env.grant) } };
  }
  const isNew = activationTime === undefined && expiryTime === undefined;
  const adopted = isNew ? windowFromTags(set.tags, env.clock.now()) : {};
  return { patch: { external: { ...recorded(external), permissionSetARN: set.arn }, ...adopted } };
}

async function startOperation(
  action: Extract<Action, { kind: "CreateAssignment" | "DeleteAssignment" | "Provision" }>,
  env: ActEnv,
): Promise<StepResult> {
  const permissionSetARN = setARN(env);
  let state: OperationState;
  switch (action.kind) {
    case "CreateAssignment":
      state = await center(env).createAssignment({ permissionSetARN, ...action });
      break;
    case "DeleteAssignment":
      try {
        state = await center(env).deleteAssignment({ permissionSetARN, ...action });
      } catch (thrown) {
        if (isFailure(thrown, "not-found")) {
          return {};
        }
        throw thrown;
      }
      break;
    default:
      state = await center(env).provision(permissionSetARN, action.accountID);
  }
  const startTime = formatTime(env.clock.now());
  return {
    patch: {
      external: {
        ...recorded(env.grant.status?.external),
        operation: { kind: action.kind, requestID: state.requestID, startTime },
      },
    },
  };
}

async function awaitOperation(env: ActEnv): Promise<StepResult> {
  const external = recorded(env.grant.status?.external);
  const { operation, ...rest } = external;
  if (operation === undefined) {
    return {};
  }
  const elapsedMs = env.clock.now() - Date.parse(operation.startTime);
  // Before its own start: the wall clock was put back. Waiting for it to catch up could take hours; it is polled at once.
  const ageMs = elapsedMs >= 0 ? elapsedMs : pollMinMs;
  const wait = { ms: Math.min(pollMaxMs, Math.max(pollMinMs, ageMs / 2)), why: `${operation.kind} is in progress` };
  // Asked for a moment ago: it cannot have ended yet.
  if (ageMs < pollMinMs) {
    return { wait: { ...wait, ms: pollMinMs - ageMs } };
  }
  let state: OperationState;
  try {
    state = await poll(center(env), operation.kind, operation.requestID);
  } catch (thrown) {
    if (isFailure(thrown, "not-found")) {
      // AWS no longer knows the operation: what it came to shows at the next look.
      return { patch: { external: rest }, wait: { ms: pollMinMs, why: `${operation.kind} is no longer known` } };
    }
    throw thrown;
  }
  if (state.status === "IN_PROGRESS") {
    return ageMs > operationMaxMs ? { patch: { external: rest }, wait } : { wait };
  }
  if (state.status === "FAILED") {
    return {
      patch: { external: rest },
      failed: new AwsFailure(
        "unavailable",
        "OperationFailed",
        `sso:${operation.kind}`,
        `${operation.kind} failed: ${state.failureReason ?? "AWS gives no reason"}`,
      ),
    };
  }
  return { patch: { external: rest } };
}

function poll(
  port: IdentityCenterPort,
  kind: NonNullable<GrantStatusExternal["operation"]>["kind"],
  requestID: string,
): Promise<OperationState> {
  switch (kind) {
    case "CreateAssignment":
      return port.assignmentCreation(requestID);
    case "DeleteAssignment":
      return port.assignmentDeletion(requestID);
    default:
      return port.provisioning(requestID);
  }
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
  const set = await center(env).getPermissionSet(setARN(env));
  const known = set === undefined ? {} : windowFromTags(set.tags, env.clock.now());
  if (known.activationTime !== undefined) {
    return { patch: known };
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

function center({ ports, grant, urgent }: ActEnv): IdentityCenterPort {
  return ports.identityCenter({ ...recorded(grant.status?.external), urgency: urgent ? "revoke" : "change" });
}

function account({ ports, grant }: ActEnv): AccountPort {
  const external = recorded(grant.status?.external);
  return ports.account({ ...external, region: external.taskRegion ?? external.region });
}

function setARN({ grant }: ActEnv): string {
  const arn = grant.status?.external?.permissionSetARN;
  if (arn === undefined) {
    throw new AwsFailure("unavailable", "NotFoundYet", "sso:ListPermissionSets", "the permission set is not known yet");
  }
  return arn;
}

function recorded(external: GrantStatusExternal | undefined): GrantStatusExternal {
  if (external === undefined) {
    throw new Error("a step in AWS was asked for before it was recorded what revoking it needs");
  }
  return external;
}
