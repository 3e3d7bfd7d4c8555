import { UserError } from "#lib/errors.ts";
import { parseDuration } from "./duration.ts";

/** RFC 3339 section 5.6 with a zone, as the control API takes it. */
const instantText = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;

/**
 * Reads an instant as people write it: RFC 3339, or a duration from now (`10m`), which is in the past where `direction` is -1 and in the
 * future where it is 1. Answers RFC 3339 in UTC. Throws a `UserError` for anything else.
 */
export function parseInstant(name: string, text: string, nowMs: number, direction: 1 | -1): string {
  if (instantText.test(text) && !Number.isNaN(Date.parse(text))) {
    return new Date(text).toISOString();
  }
  if (/^(?:\d+[dhms])+$/.test(text)) {
    return new Date(nowMs + direction * parseDuration(text) * 1_000).toISOString();
  }
  throw new UserError("InvalidTime", `--${name} must be a time, found "${text}"`, {
    next: `Write it like 2026-03-01T10:20:00Z, or like 10m for 10 minutes ${direction === 1 ? "from now" : "ago"}.`,
  });
}
