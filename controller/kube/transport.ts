/** Content types of patches (Kubernetes, "API concepts", patch and update). All three take JSON as their text. */
export const patchTypes = {
  apply: "application/apply-patch+yaml",
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
} as const;

/** One request to an API server. */
export interface KubeRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path below the server's address, with a leading slash: `/apis/sallyport.dev/v1alpha1/grants`. */
  readonly path: string;
  /** Parameters of the query; undefined ones are left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Type of the body; absent: `application/json`. */
  readonly contentType?: string;
  /** Time until the whole answer is there, in milliseconds; for `lines`, until its headers are. Absent: `requestTimeoutMs`. */
  readonly timeoutMs?: number;
  /** Gives up the request; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** The lines of one answer as they come. Iterate once. */
export interface KubeLines extends AsyncIterable<string> {
  /** Drops the connection; the iteration ends at once. Calling it twice, or after the end, does nothing. */
  close(): void;
}

/** Speaks to one API server. Everything that rejects, rejects with a `KubeFailure`, or with the reason of the caller's signal. */
export interface KubeTransport {
  /** The parsed JSON of the answer; undefined where it has no body. */
  request<T>(request: KubeRequest): Promise<T>;
  /**
   * The lines of a watch. The first step of the iteration rejects where the request was refused; later steps where the
   * connection was cut, also within a line. An answer that ends as HTTP demands ends the iteration.
   */
  lines(request: KubeRequest): KubeLines;
  /** Closes all connections. What is under way rejects. */
  close(): void;
}

/** What is known of a finished request, for metrics. */
export interface KubeRequestRecord {
  /** HTTP status as text; `<error>` where there was no answer. */
  readonly code: string;
  readonly method: string;
  /** Host and port of the server. */
  readonly host: string;
  /** Until the answer was complete; for a watch, until its headers were there. */
  readonly durationMs: number;
}
