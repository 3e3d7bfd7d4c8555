/** What a request wants of the API server, in the words of its audit log. */
export type Verb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete" | "deletecollection";

/** Which requests are meant; a field that is absent takes all. */
export interface Match {
  readonly verb?: Verb;
  /** Text that the path contains, or a pattern that it matches. The query is no part of it. */
  readonly path?: string | RegExp;
}

/** A failure as the API server tells it: `Status` of meta/v1. */
export interface StatusAnswer {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  /** Sent as `Retry-After` and in the details. */
  readonly retryAfterSeconds?: number;
  readonly causes?: readonly { readonly reason: string; readonly message: string }[];
}

/** What a test makes of requests to come. */
export type Fault =
  /** Answered at once; the server never sees it. */
  | { readonly kind: "answer"; readonly status: StatusAnswer }
  /** Taken, and never answered, as a half-open connection does. */
  | { readonly kind: "silence" }
  /** The connection is reset; the server never sees it. `first` is awaited before that: a test may kill the client. */
  | { readonly kind: "reset"; readonly first?: () => Promise<void> }
  /** The server does it; its answer is lost with the connection. `first` is awaited in between. */
  | { readonly kind: "lostAnswer"; readonly first?: () => Promise<void> }
  /** Passed on only when `until` resolves. */
  | { readonly kind: "hold"; readonly until: Promise<void> }
  /** The answer comes in pieces of so many bytes with a pause before each. */
  | { readonly kind: "slowBody"; readonly bytes: number; readonly pauseMs: number }
  /** So many bytes of the answer's body, then the connection ends. */
  | { readonly kind: "cutBody"; readonly bytes: number }
  | WatchFault;

/** What a test makes of the events of watches to come. Counted events are whole lines, bookmarks too. */
export type WatchFault =
  /** After so many events an ERROR event with this status, then the end. */
  | { readonly kind: "errorEvent"; readonly afterEvents: number; readonly status: StatusAnswer }
  /** After so many events half of the next one, then the end of the answer, as a cutting proxy between does. */
  | { readonly kind: "cutLine"; readonly afterEvents: number }
  /** After so many events nothing more, not even an end. */
  | { readonly kind: "silentStream"; readonly afterEvents: number }
  /** Each event twice. */
  | { readonly kind: "duplicateEvents" }
  /** Events wait, in order, until this resolves. */
  | { readonly kind: "holdEvents"; readonly until: Promise<void> }
  /** Bookmarks are swallowed, as by a server that sends none. */
  | { readonly kind: "withoutBookmarks" };

/** What happens at once to the watches that are open. */
export type Interruption = "end" | "reset" | "silence" | "halfLine" | "goneEvent";

/** How new connections are met, and requests on old ones. */
export type Connectivity =
  /** As a healthy network. */
  | "pass"
  /** Nobody listens on the port. */
  | "refuse"
  /** Connections are taken and say nothing, not even the TLS handshake; so do the open ones. */
  | "silent"
  /** Connections are reset as soon as they are made; the open ones at once. */
  | "reset";

/** The history that a watch asked for is no longer kept; both as an answer and as an ERROR event. */
export const gone: StatusAnswer = {
  code: 410,
  reason: "Expired",
  message: "too old resource version: 1 (17)",
};

/** What a server says that restarted and is behind the version that was asked for. Code, cause and words are those of kube-apiserver 1.34. */
export const resourceVersionTooLarge: StatusAnswer = {
  code: 504,
  reason: "Timeout",
  message: "Timeout: Too large resource version: 999999, current: 17",
  retryAfterSeconds: 1,
  causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
};

/** Priority and fairness turned the request away. */
export function tooManyRequests(retryAfterSeconds: number): StatusAnswer {
  return {
    code: 429,
    reason: "TooManyRequests",
    message: "too many requests, please try again later",
    retryAfterSeconds,
  };
}

/** A server that fails: 500 by default. */
export function serverError(code: 500 | 502 | 503 = 500): StatusAnswer {
  const reason = code === 503 ? "ServiceUnavailable" : "InternalError";
  return { code, reason, message: "injected by the test" };
}

/** The `Status` object of an answer or an ERROR event. */
export function statusObject(status: StatusAnswer): object {
  const { code, reason, message, retryAfterSeconds, causes } = status;
  const details = {
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    ...(causes === undefined ? {} : { causes }),
  };
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, details, code };
}
