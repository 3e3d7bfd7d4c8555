import { UserError } from "#lib/errors.ts";
import type { ApiError } from "#wire/control-api.ts";

/** A call to the control API that did not succeed: refused in the API's own words, or not answered at all. */
export class ControlFailure extends UserError {
  /** HTTP status; 0 where no answer came. */
  readonly status: number;

  constructor(
    status: number,
    code: string,
    what: string,
    parts: { why?: string; next?: string; cause?: unknown } = {},
  ) {
    super(code, what, parts);
    this.name = "ControlFailure";
    this.status = status;
  }
}

/** Whether the same call may succeed later without anybody changing anything: a restart, a network, a full queue. */
export function isTransient(error: unknown): boolean {
  return error instanceof ControlFailure && (error.status === 0 || error.status === 429 || error.status >= 500);
}

/** No answer, or one that broke off. */
export function unreachable(url: string, error: Error): ControlFailure {
  const certificate = /certificate|self.signed/i.test(error.message);
  return new ControlFailure(0, "ControllerUnreachable", `Sallyport at ${url} cannot be reached`, {
    why: error.message,
    next: certificate
      ? "If its certificate comes from your own authority, name that: sallyport login --url URL --ca-file FILE"
      : "Check the network and the address: sallyport login --url URL",
    cause: error,
  });
}

/** An answer that is not the control API's: another server, or a proxy in between. */
export function unexpectedAnswer(status: number): ControlFailure {
  return new ControlFailure(status, "UnexpectedAnswer", `the control API answered ${status} in an unexpected form`, {
    next: "Check the address: sallyport login --url URL",
  });
}

/** What the control API says in an answer other than 200. */
export function failureOf(status: number, text: string): ControlFailure {
  let error: Partial<ApiError["error"]> | undefined;
  try {
    ({ error } = JSON.parse(text) as { error?: Partial<ApiError["error"]> });
  } catch {
    // Handled below: it is no answer of ours.
  }
  if (typeof error?.code !== "string" || typeof error.message !== "string") {
    return unexpectedAnswer(status);
  }
  return new ControlFailure(status, error.code, error.message, {
    ...(typeof error.why === "string" ? { why: error.why } : {}),
    ...(typeof error.next === "string" ? { next: error.next } : {}),
  });
}
