/** How long a client of an AWS service waits, as an SDK client's `requestHandler` takes it. */
export interface AwsHttp {
  readonly connectionTimeout: number;
  readonly requestTimeout: number;
  readonly socketTimeout: number;
  readonly throwOnRequestTimeout: true;
}

/** A TCP connection takes milliseconds; one that takes longer will not come about, in milliseconds. */
const connectTimeoutMs = 5_000;
/** Control-plane calls answer within a second or two, in milliseconds. Longer than this, whoever called does better to try again. */
const requestTimeoutDefaultMs = 15_000;

/**
 * Bounds of every call: until it is connected, until the answer begins, and between two pieces of the answer. Left to itself the SDK waits
 * for ever: a `requestTimeout` alone only warns (`throwOnRequestTimeout` of its NodeHttpHandler), and covers no body.
 */
export function awsHttp(requestTimeoutMs: number = requestTimeoutDefaultMs): AwsHttp {
  return {
    connectionTimeout: connectTimeoutMs,
    requestTimeout: requestTimeoutMs,
    socketTimeout: requestTimeoutMs,
    throwOnRequestTimeout: true,
  };
}
