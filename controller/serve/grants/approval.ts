import type { AccessWorkflow, Grant } from "#kinds/index.ts";
import type { ExtensionView } from "#wire/approval.ts";
import { reviewWorkflowName } from "../../reconcile/grant/approval.ts";
import { askedExtensions, nextExtensionTime } from "../../reconcile/grant/window.ts";
import type { Source } from "../../source/source.ts";

/** The workflow that the Grant's approval goes by; undefined: it is not known yet, or not there. */
export function workflowOf(grant: Grant, source: Pick<Source, "get">): AccessWorkflow | undefined {
  const name = reviewWorkflowName(grant);
  return name === undefined ? undefined : source.get("AccessWorkflow", grant.metadata.namespace, name)?.object;
}

/** How the Grant may still be extended; undefined: not at all. Pure. */
export function extensionOf(grant: Grant): ExtensionView | undefined {
  const rule = grant.status?.workflow?.extension;
  const from = nextExtensionTime(grant);
  return rule === undefined
    ? undefined
    : {
        count: askedExtensions(grant),
        maxCount: rule.maxCount,
        durationSeconds: rule.durationSeconds,
        ...(from === undefined ? {} : { fromTime: new Date(from).toISOString() }),
      };
}
