import type { NewTrailEvent } from "#audit/event/trail.ts";
import { coerceError } from "#lib/errors.ts";
import { HttpProblem } from "./route.ts";
import type { Services } from "./services.ts";

/** How what cannot be recorded is refused. */
export interface Unrecorded {
  readonly code: string;
  /** What is put on record, such as `who looks at statements`. */
  readonly what: string;
  /** Absent: to try again, and to ask an operator. */
  readonly next?: string;
}

/** Resolves when the event is kept. Throws `HttpProblem` 503 where it cannot be: what it would have told of must then not happen. */
export async function recordOrRefuse(
  { trail, log }: Pick<Services, "trail" | "log">,
  event: NewTrailEvent,
  {
    code,
    what,
    next = "Try again; if it stays so, ask whoever operates Sallyport to look at the audit store.",
  }: Unrecorded,
): Promise<void> {
  try {
    await trail.record(event);
  } catch (error) {
    log.error("what could not be recorded was refused", { event: event.event, error: coerceError(error) });
    throw new HttpProblem(503, code, `${what} is put on record, and that failed`, { next });
  }
}
