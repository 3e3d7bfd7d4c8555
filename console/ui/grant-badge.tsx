import type { GrantView } from "#wire/control-api.ts";
import { standingOf } from "../data/standing.ts";
import { Badge } from "./badge.tsx";

/** How a grant stands, and what is out of the ordinary about it. */
export function GrantBadges({ grant }: { readonly grant: GrantView }) {
  const { tone, words } = standingOf(grant);
  return (
    <span class="row">
      <Badge tone={tone}>{words}</Badge>
      {grant.urgency === "BreakGlass" ? (
        <Badge tone="warning" icon="bolt">
          Break-glass
        </Badge>
      ) : null}
      {grant.flagged === undefined ? null : <Badge tone="bad">Flagged</Badge>}
    </span>
  );
}
