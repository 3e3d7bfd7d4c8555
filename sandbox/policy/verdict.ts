import type { Clock } from "#lib/clock.ts";
import type { Evaluate } from "../authorize.ts";
import { evaluateAccess } from "./evaluate.ts";

/**
 * The evaluator that every service of the sandbox asks. It adds the global condition keys that follow from the moment and
 * the transport (IAM User Guide, "AWS global condition context keys") to those that the asking service knows.
 */
export function createEvaluate(clock: Clock): Evaluate {
  return (policies, request) => {
    const now = clock.now();
    const context = {
      "aws:CurrentTime": new Date(now).toISOString(),
      "aws:EpochTime": Math.floor(now / 1000),
      "aws:SecureTransport": false,
      ...request.context,
    };
    const { effect } = evaluateAccess(policies, { ...request, context });
    return effect === "Allow" ? "allow" : effect === "ExplicitDeny" ? "explicit-deny" : "implicit-deny";
  };
}
