import type { GrantStatusExternal } from "#kinds/index.ts";
import { isFailure } from "../../aws/errors.ts";
import { AwsFailure, type AwsFailureClass, type IdentityCenterPort, type OperationState } from "../../aws/ports.ts";
import { type ActEnv, center, recorded, setARN, type StepResult } from "./act-env.ts";
import { pollMinMs } from "./pace.ts";
import type { Action } from "./types.ts";
import { formatTime } from "./window.ts";

/** Operations end within "seconds, up to minutes" (aws-and-ssm.md B3). One that has not is given up and looked at anew. */
export const operationMaxMs = 600_000;

/** Starts an asynchronous operation and puts its ID on record. */
export async function startOperation(
  action: Extract<Action, { kind: "CreateAssignment" | "DeleteAssignment" | "Provision" }>,
  env: ActEnv,
): Promise<StepResult> {
  const permissionSetARN = setARN(env);
  const { operation } = recorded(env.grant.status?.external);
  let state: OperationState;
  switch (action.kind) {
    case "CreateAssignment":
      state = await center(env).createAssignment({ permissionSetARN, ...action });
      break;
    case "DeleteAssignment":
      // A creation of this very grant whose end could not be seen must not keep the turn from what takes it away.
      if (operation !== undefined) {
        giveUp(operation.kind, env);
      }
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

/** Polls the operation on record, when it is time to. */
export async function awaitOperation(env: ActEnv): Promise<StepResult> {
  const external = recorded(env.grant.status?.external);
  const { operation, ...rest } = external;
  if (operation === undefined) {
    return {};
  }
  const elapsedMs = env.clock.now() - Date.parse(operation.startTime);
  // Before its own start: the wall clock was put back. Waiting for it to catch up could take hours; it is polled at once.
  const ageMs = elapsedMs >= 0 ? elapsedMs : pollMinMs;
  const why = `${operation.kind} is in progress`;
  const earlyMs = env.pace.waitMs(operation.kind, ageMs);
  if (elapsedMs >= 0 && earlyMs > 0) {
    return { wait: { ms: earlyMs, why } };
  }
  const wait = { ms: env.pace.againMs(operation.kind, ageMs), why };
  let state: OperationState;
  try {
    state = await poll(center(env), operation.kind, operation.requestID);
  } catch (thrown) {
    if (isFailure(thrown, "not-found")) {
      // AWS no longer knows the operation: what it came to shows at the next look.
      giveUp(operation.kind, env);
      return { patch: { external: rest }, wait: { ms: pollMinMs, why: `${operation.kind} is no longer known` } };
    }
    throw thrown;
  }
  if (state.status === "IN_PROGRESS") {
    if (ageMs <= operationMaxMs) {
      return { wait };
    }
    giveUp(operation.kind, env);
    return { patch: { external: rest }, wait };
  }
  env.pace.ended(operation.kind, ageMs);
  return state.status === "FAILED"
    ? { patch: { external: rest }, ...(await judgeFailed(operation.kind, state, env)) }
    : { patch: { external: rest } };
}

/** Nobody will see this operation's end: the account's turn must not wait for it. */
function giveUp(kind: Operation["kind"], env: ActEnv): void {
  const { accountID } = recorded(env.grant.status?.external);
  center(env).giveUpTurn({ kind, permissionSetARN: setARN(env), accountID });
}

/** What a FAILED operation means: where what was wanted is so already, nothing. */
async function judgeFailed(
  kind: Operation["kind"],
  { failureReason = "AWS gives no reason" }: OperationState,
  env: ActEnv,
): Promise<Pick<StepResult, "failed">> {
  if (env.urgent && kind !== "DeleteAssignment") {
    return {};
  }
  const { accountID, principalID } = recorded(env.grant.status?.external);
  if (kind === "DeleteAssignment") {
    const left = await center(env).listAssignments(setARN(env), accountID);
    if (!left.some((assignment) => assignment.principalID === principalID)) {
      return {};
    }
  }
  const message = `${kind} failed: ${failureReason}`;
  // Quotas are not among the reasons that AWS documents; its messages name them.
  const failure: AwsFailureClass = /quota|limit.*exceeded|exceeded.*limit/i.test(failureReason)
    ? "quota"
    : "unavailable";
  return { failed: new AwsFailure(failure, "OperationFailed", `sso:${kind}`, message) };
}

type Operation = NonNullable<GrantStatusExternal["operation"]>;

function poll(port: IdentityCenterPort, kind: Operation["kind"], requestID: string): Promise<OperationState> {
  switch (kind) {
    case "CreateAssignment":
      return port.assignmentCreation(requestID);
    case "DeleteAssignment":
      return port.assignmentDeletion(requestID);
    default:
      return port.provisioning(requestID);
  }
}
