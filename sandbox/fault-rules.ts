import { conflicting, denied, expired, failing, type FaultAction, type FaultEvent, type FaultPlan } from "./faults.ts";
import { gatewayFailing, quotaReached, throttled } from "./faults.ts";
import { randomFrom } from "./ids.ts";
import type { AsyncRequest } from "./identity-center/requests.ts";

/** What can go wrong with a call. */
export type Fault =
  /** ThrottlingException. */
  | "throttled"
  /** ConflictException. */
  | "conflict"
  /** InternalServerException, 500. */
  | "internal"
  /** 503 without a body of AWS. */
  | "gateway"
  /** The connection is reset before the call has its effect. */
  | "reset"
  /** The call has its effect; the connection is cut before the answer. */
  | "lost-answer"
  /** No answer for `holdMs`, then the connection is cut, before its effect. */
  | "silent"
  /** AccessDeniedException. */
  | "denied"
  /** ExpiredTokenException. */
  | "expired"
  /** ServiceQuotaExceededException. */
  | "quota";

/** Which calls a rule is about; what is left out matches everything. */
export interface FaultScope {
  /** Signing name: `sso`, `identitystore`, `iam`, `ssm`, … */
  readonly service?: string;
  readonly operation?: string | RegExp;
  /** Calls about this account only (`TargetId` or `AccountId` of the input), or made with credentials of it. */
  readonly accountID?: string;
  /** Calls that change something, or those that only read. */
  readonly mutating?: boolean;
  /** Calls of others than this caller are left alone: the end of its ARN, such as `:user/sallyport-controller`. */
  readonly caller?: string;
}

/** Which of the calls in its scope a rule strikes. Numbers count the calls of the scope, from 0. */
export type FaultTimes =
  | { readonly probability: number }
  | { readonly calls: readonly number[] }
  | { readonly from: number; readonly count: number };

/** One rule of a plan. The first rule that strikes decides. */
export type FaultRule = FaultScope &
  FaultTimes & {
    /** Or something that a person does in the console at that moment; the call then goes on. */
    readonly fault: Fault | (() => void);
    /** At most so many strikes. Absent: no end. */
    readonly atMost?: number;
  };

/** Asynchronous operations that end FAILED. */
export type AsyncFaultRule = FaultTimes & {
  readonly kind?: AsyncRequest["kind"];
  readonly accountID?: string;
  readonly reason: string;
  readonly atMost?: number;
};

/** Everything that goes wrong in one run. */
export interface FaultScript {
  /** Equal seeds strike equal calls: each rule draws for itself, once for each call of its scope. */
  readonly seed: number;
  readonly rules?: readonly FaultRule[];
  readonly operations?: readonly AsyncFaultRule[];
  /** How long `silent` holds a call, in milliseconds. Absent: 1,000. */
  readonly holdMs?: number;
}

/** A script at work. */
export interface RunningFaults {
  /** For `sandbox.faults`. */
  readonly plan: FaultPlan;
  /** For `sandbox.asyncFailure`. */
  readonly asyncFailure: (request: AsyncRequest) => string | undefined;
  /** What was struck so far: `throttled before sso:CreatePermissionSet (call 17)`. */
  readonly struck: readonly string[];
  /** From now on everything works. */
  heal(): void;
}

/** Starts a script. */
export function runFaults(script: FaultScript): RunningFaults {
  const struck: string[] = [];
  let isHealed = false;
  const rules = (script.rules ?? []).map((rule, index) => ({
    rule,
    strikes: strikesOf(rule, `${script.seed} ${index}`),
  }));
  const operations = (script.operations ?? []).map((rule, index) => ({
    rule,
    strikes: strikesOf(rule, `${script.seed} operation ${index}`),
  }));
  const strike = (event: FaultEvent): Fault | undefined => {
    let hit: Fault | undefined;
    for (const { rule, strikes } of rules) {
      // Every rule counts every call of its scope, so that one rule's luck does not move another's.
      const isHit = phaseOf(rule.fault) === event.phase && isInScope(rule, event) && strikes();
      if (isHit && hit === undefined) {
        struck.push(`${nameOf(rule.fault)} ${event.phase} ${event.service}:${event.operation} (call ${event.index})`);
        hit = typeof rule.fault === "function" ? act(rule.fault) : rule.fault;
      }
    }
    return hit;
  };
  return {
    struck,
    plan: (event) => {
      const fault = isHealed ? undefined : strike(event);
      return fault === undefined ? "pass" : actionOf(fault, script.holdMs ?? 1_000);
    },
    asyncFailure(request) {
      const hit = operations.find(
        ({ rule, strikes }) =>
          !isHealed &&
          (rule.kind === undefined || rule.kind === request.kind) &&
          (rule.accountID === undefined || request.accountIDs.includes(rule.accountID)) &&
          strikes(),
      );
      if (hit !== undefined) {
        struck.push(`FAILED ${request.kind} (${hit.rule.reason})`);
      }
      return hit?.rule.reason;
    },
    heal() {
      isHealed = true;
    },
  };
}

/** Numbers in [0, 1) that depend on `seed` alone. */
export function drawsFrom(seed: string): () => number {
  const random = randomFrom(seed);
  return () => Buffer.from(random(4)).readUInt32BE() / 2 ** 32;
}

function strikesOf(times: FaultTimes & { readonly atMost?: number }, seed: string): () => boolean {
  const draw = drawsFrom(seed);
  let calls = -1;
  let left = times.atMost ?? Infinity;
  return () => {
    calls += 1;
    const drawn = draw();
    const isHit =
      left > 0 &&
      ("probability" in times
        ? drawn < times.probability
        : "calls" in times
          ? times.calls.includes(calls)
          : calls >= times.from && calls < times.from + times.count);
    left -= isHit ? 1 : 0;
    return isHit;
  };
}

function isInScope(scope: FaultScope, event: FaultEvent): boolean {
  const { service, operation, accountID, mutating, caller } = scope;
  return (
    (service === undefined || service === event.service) &&
    (operation === undefined ||
      (typeof operation === "string" ? operation === event.operation : operation.test(event.operation))) &&
    (mutating === undefined || mutating === event.mutating) &&
    (caller === undefined || event.callerARN?.endsWith(caller) === true) &&
    (accountID === undefined ||
      [event.input["TargetId"], event.input["AccountId"], event.callerARN?.split(":")[4]].includes(accountID))
  );
}

function phaseOf(fault: FaultRule["fault"]): FaultEvent["phase"] {
  return fault === "lost-answer" ? "after" : "before";
}

function nameOf(fault: FaultRule["fault"]): string {
  return typeof fault === "function" ? "a change by hand" : fault;
}

function act(byHand: () => void): undefined {
  byHand();
}

function actionOf(fault: Fault, holdMs: number): FaultAction | Promise<FaultAction> {
  switch (fault) {
    case "throttled":
      return throttled();
    case "conflict":
      return conflicting();
    case "internal":
      return failing();
    case "gateway":
      return gatewayFailing();
    case "denied":
      return denied();
    case "expired":
      return expired();
    case "quota":
      return quotaReached();
    case "silent":
      return new Promise((resolve) => {
        setTimeout(() => resolve("drop"), holdMs).unref();
      });
    default:
      return "drop";
  }
}
