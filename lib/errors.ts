/**
 * An error that a person can act on. Its three parts are shown as they stand: what happened, why, and what to run next.
 * Everything that reaches a terminal or an API client as a message is one of these; anything else is a defect.
 */
export class UserError extends Error {
  /** Why it happened, a sentence; empty where the first sentence says it. */
  readonly why: string;
  /** What to do or run next, a sentence or a command. */
  readonly next: string;
  /** Stable machine-readable name, such as `PortInUse`. */
  readonly code: string;

  constructor(code: string, what: string, parts: { why?: string; next?: string; cause?: unknown } = {}) {
    super(what, parts.cause === undefined ? {} : { cause: parts.cause });
    this.name = "UserError";
    this.code = code;
    this.why = parts.why ?? "";
    this.next = parts.next ?? "";
  }
}

/** Makes any thrown value an Error. */
export function coerceError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** Marks a place that the types say cannot be reached. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`);
}
