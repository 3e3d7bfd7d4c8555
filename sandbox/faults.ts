import { AwsError } from "./service.ts";

/** One step of one call that the plan is asked about. */
export interface FaultEvent {
  /** Signing name and target of the service, such as `sso` or `identitystore`. */
  readonly service: string;
  readonly operation: string;
  /** Whether the call changes something. */
  readonly mutating: boolean;
  /** ARN of who calls; undefined for operations without a signature. */
  readonly callerARN: string | undefined;
  /** Number of the call since the sandbox started, from 0; the same in both phases. */
  readonly index: number;
  /** Number of the call among the mutating ones, from 0; -1 for calls that only read. */
  readonly mutationIndex: number;
  /** `before` its effect, or `after` the effect and before the answer is sent. */
  readonly phase: "before" | "after";
  readonly input: Readonly<Record<string, unknown>>;
}

/** What to do: go on, answer with an error instead, or close the connection without an answer. */
export type FaultAction = "pass" | "drop" | { readonly error: AwsError };

/** Decides the fate of each call, and may do anything in between: it is awaited, so a test can kill the calling process. */
export type FaultPlan = (event: FaultEvent) => Promise<FaultAction> | FaultAction;

/** Everything works. */
export const noFaults: FaultPlan = () => "pass";

/** What every AWS service answers when called too often. */
export function throttled(): FaultAction {
  return { error: new AwsError("ThrottlingException", "Rate exceeded") };
}

/** What Identity Center answers while it works on something that the call touches too. */
export function conflicting(): FaultAction {
  return { error: new AwsError("ConflictException", "Another operation is in progress. Try again later.") };
}

/** A failure on AWS's side. */
export function failing(): FaultAction {
  return { error: new AwsError("InternalServerException", "Internal server error", 500) };
}

/** What IAM and every service answer to a caller who may not. */
export function denied(): FaultAction {
  return { error: new AwsError("AccessDeniedException", "User is not authorized to perform this operation", 403) };
}

/** What every service answers to credentials that have expired. */
export function expired(): FaultAction {
  return { error: new AwsError("ExpiredTokenException", "The security token included in the request is expired", 403) };
}

/** A quota of permission sets that is used up, in Identity Center's words. */
export function quotaReached(): FaultAction {
  return { error: new AwsError("ServiceQuotaExceededException", "You have exceeded AWS SSO limits.") };
}

/** Something between the caller and the service that answers by itself, without a body that any SDK knows. */
export function gatewayFailing(): FaultAction {
  return { error: new AwsError("UnknownError", "Service Unavailable", 503) };
}
