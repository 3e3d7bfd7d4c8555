import { AwsFailure, type AwsFailureClass } from "./ports.ts";

/**
 * Error names of AWS by what they mean to us. Names come from the service models of sso-admin, identitystore, iam, ecs,
 * ssm and rds, and from "Common errors" of the query services; the suffixes Exception and Fault are left out.
 */
const classes: Readonly<Record<Exclude<AwsFailureClass, "busy">, readonly string[]>> = {
  "not-found": [
    "ResourceNotFound",
    "NoSuchEntity",
    "ServiceNotFound",
    "ServiceNotActive",
    "ClusterNotFound",
    "DBInstanceNotFound",
    "DBClusterNotFound",
    "DoesNotExist",
  ],
  conflict: ["Conflict", "ConcurrentModification", "EntityAlreadyExists", "UpdateInProgress", "ResourceInUse"],
  throttled: [
    "Throttling",
    "ThrottledException",
    "TooManyRequests",
    "RequestLimitExceeded",
    "SlowDown",
    "LimitExceededRate",
  ],
  denied: ["AccessDenied", "UnauthorizedOperation", "NotAuthorized", "OptInRequired"],
  credentials: [
    "InvalidClientTokenId",
    "UnrecognizedClient",
    "MissingAuthenticationToken",
    "SignatureDoesNotMatch",
    "InvalidSignature",
    "ExpiredToken",
    "IncompleteSignature",
    "CredentialsProviderError",
  ],
  quota: ["ServiceQuotaExceeded", "LimitExceeded"],
  unavailable: [
    "InternalServer",
    "InternalFailure",
    "InternalError",
    "ServiceUnavailable",
    "TimeoutError",
    "AbortError",
  ],
  invalid: [
    "Validation",
    "InvalidParameter",
    "InvalidParameterValue",
    "InvalidParameterCombination",
    "Client",
    "Serialization",
  ],
};

const byName: ReadonlyMap<string, AwsFailureClass> = new Map(
  Object.entries(classes).flatMap(([failure, names]) => names.map((name) => [name, failure as AwsFailureClass])),
);

/** What Node calls a connection that the other side ended. The SDK's HTTP handler names these TimeoutError, though nothing was waited for. */
const cutOff = ["ECONNRESET", "EPIPE"] as const;

interface SdkErrorLike {
  readonly name?: unknown;
  /** Of Node's errors. */
  readonly code?: unknown;
  readonly message?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: unknown };
}

/**
 * Makes whatever an SDK client threw an `AwsFailure`: by AWS's own error name, else by HTTP status, else (no answer at
 * all: refused, reset, timed out) `unavailable`. The only place that looks at SDK errors.
 */
export function classifyFailure(thrown: unknown, call: string): AwsFailure {
  if (thrown instanceof AwsFailure) {
    return thrown;
  }
  const error = (typeof thrown === "object" && thrown !== null ? thrown : {}) as SdkErrorLike;
  const named = typeof error.name === "string" && error.name !== "" ? error.name : "UnknownError";
  const code = cutOff.find((cut) => cut === error.code) ?? named;
  const message = typeof error.message === "string" && error.message !== "" ? error.message : "no message";
  return new AwsFailure(failureOf(code, error.$metadata?.httpStatusCode), code, call, `${call}: ${code}: ${message}`);
}

function failureOf(code: string, status: unknown): AwsFailureClass {
  const known = byName.get(code) ?? byName.get(code.replace(/(Exception|Fault)$/, ""));
  if (known !== undefined) {
    return known;
  }
  switch (true) {
    case status === 429:
      return "throttled";
    case status === 401 || status === 403:
      return "denied";
    case status === 404:
      // Every service that is called here names what it does not find. A bare 404 is a gateway's or a wrong address's, and must
      // never make a revocation believe that there is nothing left.
      return "unavailable";
    case typeof status === "number" && status >= 400 && status < 500:
      return "invalid";
    default:
      return "unavailable";
  }
}

/** Whether `thrown` is an `AwsFailure`, and of one of these classes where any are named. */
export function isFailure(thrown: unknown, ...failures: readonly AwsFailureClass[]): thrown is AwsFailure {
  return thrown instanceof AwsFailure && (failures.length === 0 || failures.includes(thrown.failure));
}

/** Runs one SDK call and classifies its failure. `call` is `service:Operation`, as `plan` and messages print it. */
export async function callAws<T>(call: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (thrown) {
    throw classifyFailure(thrown, call);
  }
}

/** As `callAws`, with undefined for what does not exist. */
export async function callAwsOptional<T>(call: string, run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await callAws(call, run);
  } catch (thrown) {
    if (isFailure(thrown, "not-found")) {
      return undefined;
    }
    throw thrown;
  }
}

/** A failure for an answer that lacks what its service model promises. */
export function malformedAnswer(call: string, what: string): AwsFailure {
  return new AwsFailure("unavailable", "MalformedAnswer", call, `${call}: the answer has no ${what}`);
}
