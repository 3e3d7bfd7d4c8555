import type { UserError } from "#lib/errors.ts";

/** What one check found. `warning`: it works without. `skipped`: it could not be looked at, since another check failed. */
export interface Finding {
  readonly check: string;
  readonly verdict: "ok" | "problem" | "warning" | "skipped";
  readonly message: string;
  readonly why?: string;
  /** What to run or change. */
  readonly next?: string;
}

/** All is well. */
export function ok(check: string, message: string): Finding {
  return { check, verdict: "ok", message };
}

/** Something that keeps the person from their databases. */
export function problem(check: string, message: string, parts: { why?: string; next?: string } = {}): Finding {
  return { check, verdict: "problem", message, ...parts };
}

/** A failure as a problem, in its own words. */
export function problemOf(check: string, error: UserError): Finding {
  return problem(check, error.message, { why: error.why, next: error.next });
}

/** Something that somebody may miss, and most will not. */
export function warning(check: string, message: string, parts: { why?: string; next?: string } = {}): Finding {
  return { check, verdict: "warning", message, ...parts };
}

/** What it needs was not there. */
export function skipped(check: string, message: string): Finding {
  return { check, verdict: "skipped", message };
}

/** One finding as text: a line, and one each for why and what to run next. */
export function findingText({ check, verdict, message, why = "", next = "" }: Finding): string {
  const lines = [`${verdict.padEnd(8)} ${check.padEnd(9)} ${message}`];
  if (why !== "") {
    lines.push(`${" ".repeat(19)}why:  ${why}`);
  }
  if (next !== "") {
    lines.push(`${" ".repeat(19)}next: ${next}`);
  }
  return lines.join("\n");
}
