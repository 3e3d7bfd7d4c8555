import type { Clock } from "#lib/clock.ts";
import type { CredentialRegistry } from "../credentials.ts";
import { actingAs, type EventLog } from "../events.ts";
import type { FaultAction, FaultEvent, FaultPlan } from "../faults.ts";
import { type Random, uuid } from "../ids.ts";
import type { Call, Caller, Service } from "../service.ts";
import { type Answer, answerError, answerOutput, type AnswerTo, asAwsError } from "./answer.ts";
import { authenticate } from "./authenticate.ts";
import type { CallLog } from "./calls.ts";
import type { HttpRequest } from "./request.ts";
import { route, type Route } from "./route.ts";

/** What calls are run with. */
export interface Dispatcher {
  readonly services: readonly Service[];
  readonly credentials: CredentialRegistry;
  readonly clock: Clock;
  readonly random: Random;
  readonly region: string;
  readonly calls: CallLog;
  readonly events: EventLog;
  /** Asked for each call, so that a test can change the plan while the sandbox runs. */
  readonly faults: () => FaultPlan;
}

/** The answer to a request; `dropped` when the fault plan wants the connection closed without one. */
export async function dispatch(request: HttpRequest, parts: Dispatcher): Promise<Answer | "dropped"> {
  const requestID = uuid(parts.random);
  const wantsJSON = (request.headers["accept"] ?? "").includes("application/json");
  const found = route(request, parts.services);
  const to: AnswerTo = {
    service: found.service,
    operation: "operation" in found ? found.operation : "",
    requestID,
    wantsJSON,
  };
  if ("error" in found) {
    return answerError(to, found.error);
  }
  try {
    const caller = authenticated(request, found, parts);
    const call: Call = { requestID, region: parts.region, caller, headers: request.headers };
    return answerOutput(to, await perform(found, call, parts));
  } catch (error) {
    return error === dropped ? "dropped" : answerError(to, asAwsError(error));
  }
}

/** Thrown to end a call without an answer. */
const dropped = new Error("the fault plan drops this call");

function authenticated(request: HttpRequest, { service, operation }: Route, parts: Dispatcher): Caller | undefined {
  if (service.unsigned?.includes(operation)) {
    return undefined;
  }
  return authenticate(request, service, {
    find: (accessKeyID) => parts.credentials.find(accessKeyID),
    now: parts.clock.now(),
    regions: [parts.region, ...(service.signingRegions ?? [])],
  });
}

/** Runs the operation between the two questions to the fault plan. An operation that failed is followed by a question too: its answer may get lost. */
async function perform({ service, operation, input }: Route, call: Call, parts: Dispatcher): Promise<unknown> {
  const mutating = service.mutating.includes(operation);
  const about = {
    at: parts.clock.now(),
    requestID: call.requestID,
    service: service.signingName,
    operation,
    callerARN: call.caller?.arn,
    input,
  };
  const recorded = parts.calls.add(about, mutating);
  const ask = async (phase: FaultEvent["phase"]): Promise<void> =>
    obey(await parts.faults()({ ...recorded, mutating, phase }));
  const { signingName } = service;
  actingAs(call.caller?.arn, () => parts.events.record({ kind: "call", service: signingName, operation, mutating }));
  try {
    await ask("before");
    const effect = await settle(() => actingAs(call.caller?.arn, () => service.operations[operation]?.(input, call)));
    await ask("after");
    if ("error" in effect) {
      throw effect.error;
    }
    recorded.outcome = "ok";
    return effect.output;
  } catch (error) {
    recorded.outcome = error === dropped ? "dropped" : asAwsError(error).code;
    throw error;
  } finally {
    const { outcome } = recorded;
    actingAs(call.caller?.arn, () => parts.events.record({ kind: "answer", service: signingName, operation, outcome }));
  }
}

function obey(action: FaultAction): void {
  if (action === "drop") {
    throw dropped;
  }
  if (action !== "pass") {
    throw action.error;
  }
}

async function settle(run: () => unknown): Promise<{ output: unknown } | { error: unknown }> {
  try {
    return { output: await run() };
  } catch (error) {
    return { error };
  }
}
