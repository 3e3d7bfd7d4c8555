import type { EpochMs } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import { kindOfStatus, retryAfterMs, SinkFailure } from "./failure.ts";

/** What the SDK's errors have besides a message (`ServiceException` of @smithy/smithy-client). */
interface AwsError {
  readonly name: string;
  readonly message: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

/** Errors with a status of 4xx that pass by themselves: throttling, a clock that is being set, a name that is just being written. */
const passing =
  /^(Throttling|ThrottlingException|TooManyRequests.*|RequestLimitExceeded|SlowDown|RequestTimeout|RequestTimeTooSkewed|ServiceUnavailable.*|ConditionalRequestConflict|OperationAbortedException|InternalError|ExpiredToken(Exception)?)$/;
const throttling = /^(Throttling.*|TooManyRequests.*|RequestLimitExceeded|SlowDown)$/;
/** Credentials may appear a moment later (a role that is being attached); still a person has to look when they stay away. */
const unusable = /^(CredentialsProviderError|TokenProviderError)$/;

/** What an error of the SDK means for a delivery; `what` names the call, such as `s3:PutObject`. */
export function awsFailure(thrown: unknown, what: string, nowMs: EpochMs): SinkFailure {
  if (thrown instanceof SinkFailure) {
    return thrown;
  }
  const error = coerceError(thrown) as AwsError;
  const status = error.$metadata?.httpStatusCode;
  const message = `${what}: ${error.name}${error.message === "" || error.message === error.name ? "" : `: ${error.message}`}`;
  const retry = retryAfterMs(error.$response?.headers?.["retry-after"], nowMs);
  const options = { retryAfterMs: retry, cause: thrown };
  if (unusable.test(error.name)) {
    return new SinkFailure("refused", message, options);
  }
  if (passing.test(error.name) || status === undefined) {
    return new SinkFailure(throttling.test(error.name) ? "throttled" : "unreachable", message, options);
  }
  // An error whose answer could not be read as one has a status of 2xx: nobody knows what was done.
  return new SinkFailure(status < 400 ? "unreachable" : kindOfStatus(status), message, options);
}
