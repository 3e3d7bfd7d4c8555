import process from "node:process";
import { createContext, Script } from "node:vm";
import type { AccessWorkflowSpecReasonPolicy } from "#kinds/index.ts";

/** Longest time for one pattern, in milliseconds: a sane pattern takes microseconds on the 2,048 characters of a reason. */
export const patternTimeoutMs = 50;

/** Why a reason is not accepted. */
export interface ReasonRefusal {
  readonly reason: "ReasonRequired" | "ReasonNotAccepted";
  readonly message: string;
}

/** Checks a Grant's reason against its workflow's policy; undefined when it passes. */
export function checkReason(
  reason: string | undefined,
  policy: AccessWorkflowSpecReasonPolicy | undefined,
): ReasonRefusal | undefined {
  const text = reason?.trim() ?? "";
  if (policy === undefined || (policy.requirement === "Optional" && text === "")) {
    return undefined;
  }
  if (text === "") {
    return {
      reason: "ReasonRequired",
      message: "The workflow needs a reason: set spec.reason, then create the Grant again.",
    };
  }
  for (const { pattern, message } of policy.patterns ?? []) {
    const verdict = matchBounded(pattern, text);
    if (verdict !== "matches") {
      const why = verdict === "tooSlow" ? `The pattern ${pattern} takes too long to check.` : message;
      return { reason: "ReasonNotAccepted", message: `The reason is not accepted by the workflow: ${why}` };
    }
  }
  return undefined;
}

/** The timeout is wall time: on a busy machine it can end before the pattern had its share. Tries until it had. */
const starvedTriesMax = 10;

/**
 * Whether `pattern` is found in `text`. Patterns are written by administrators, reasons by anyone: a pattern that
 * backtracks without end is stopped and counts as not matching, so that it can neither stop the controller nor let a
 * reason pass. A pattern that is not a regular expression matches nothing.
 */
export function matchBounded(pattern: string, text: string): "matches" | "differs" | "tooSlow" {
  const { source, flags } = readPattern(pattern);
  const sandbox = createContext(Object.assign(Object.create(null) as object, { source, flags, text }));
  const script = new Script("new RegExp(source, flags).test(text)");
  for (let attempt = 0; attempt < starvedTriesMax; attempt += 1) {
    const before = process.threadCpuUsage();
    try {
      return script.runInContext(sandbox, { timeout: patternTimeoutMs }) === true ? "matches" : "differs";
    } catch (thrown) {
      if ((thrown as { code?: unknown }).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") {
        return "differs";
      }
      const { user, system } = process.threadCpuUsage(before);
      if (user + system >= (patternTimeoutMs * 1_000) / 2) {
        return "tooSlow";
      }
    }
  }
  return "tooSlow";
}

/** Whether `pattern` is a regular expression at all. */
export function isPattern(pattern: string): boolean {
  const { source, flags } = readPattern(pattern);
  try {
    return new RegExp(source, flags).source !== "";
  } catch {
    return false;
  }
}

/** RE2 writes flags in front of the expression, `(?i)`; JavaScript takes them apart from it. */
function readPattern(pattern: string): { readonly source: string; readonly flags: string } {
  const [, flags = "", source = pattern] = /^\(\?([ims]+)\)(.*)$/s.exec(pattern) ?? [];
  return { source, flags: `${[...new Set(flags)].join("")}u` };
}
