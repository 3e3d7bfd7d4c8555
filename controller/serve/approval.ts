import type { AccessWorkflow, Grant } from "#kinds/index.ts";
import type { ExtensionView } from "#wire/approval.ts";
import { reviewWorkflowName } from "../reconcile/grant/approval.ts";
import type { Source } from "../source/source.ts";

/** The workflow that the Grant's approval goes by; undefined: it is not known yet, or not there. */
export function workflowOf(grant: Grant, source: Pick<Source, "get">): AccessWorkflow | undefined {
  const name = reviewWorkflowName(grant);
  return name === undefined ? undefined : source.get("AccessWorkflow", grant.metadata.namespace, name)?.object;
}

/** How the Grant may still be extended; undefined: not at all. Pure. */
export function extensionOf({ status, spec }: Grant): ExtensionView | undefined {
  const rule = status?.workflow?.extension;
  return rule === undefined
    ? undefined
    : {
        count: Math.max(status?.extensionCount ?? 0, spec.extensionCount ?? 0),
        maxCount: rule.maxCount,
        durationSeconds: rule.durationSeconds,
      };
}
