import type { ApiError } from "#wire/control-api.ts";

/**
 * What went wrong, as people are told: what, why, and what to do next. Every failure of the API client is one of these.
 * `status` is the HTTP status, or 0 when no answer came.
 */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly why: string | undefined;
  readonly next: string | undefined;

  constructor(status: number, error: ApiError["error"]) {
    super(error.message);
    this.name = "Problem";
    this.status = status;
    this.code = error.code;
    this.why = error.why;
    this.next = error.next;
  }
}

/** The problem that an answer other than 2xx states. A body that is no `ApiError` comes from something between us and the controller. */
export function problemOf(status: number, body: string): Problem {
  const error = apiErrorOf(body);
  return new Problem(
    status,
    error ?? {
      code: "UnexpectedAnswer",
      message: `the controller answered with status ${status}`,
      why: "the answer is not in the form of the control API; something between this browser and the controller may have answered",
      next: "Try again. If it goes on, tell an administrator of this installation.",
    },
  );
}

/** No answer came at all. */
export function unreachable(): Problem {
  return new Problem(0, {
    code: "Unreachable",
    message: "the controller cannot be reached",
    why: "the connection failed or was cut",
    next: "Check the network. The page goes on by itself once the controller answers.",
  });
}

/** Any thrown value as a problem, so that each failure can be shown. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) {
    return error;
  }
  return new Problem(0, {
    code: "ConsoleFailed",
    message: "the console failed",
    why: error instanceof Error ? error.message : String(error),
    next: "Reload the page.",
  });
}

function apiErrorOf(body: string): ApiError["error"] | undefined {
  try {
    const parsed = JSON.parse(body) as Partial<ApiError> | null;
    const error = parsed?.error;
    return typeof error?.message === "string" && typeof error.code === "string" ? error : undefined;
  } catch {
    return undefined;
  }
}
