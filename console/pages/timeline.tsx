import type { GrantView } from "#wire/control-api.ts";
import { type Moment, momentOf, momentsOfView } from "../data/event-words.ts";
import { useEvents } from "../data/use-events.ts";
import { Icon } from "../ui/icon.tsx";
import { Time } from "../ui/time.tsx";
import { ForeignText } from "../ui/foreign-text.tsx";

/** What happened to a grant, newest first, and what comes next. */
export function Timeline({ grant }: { readonly grant: GrantView }) {
  const { events } = useEvents(grant.grantID);
  const past =
    events.length > 0 ? events.map((event) => momentOf(event, String(event.storeSeq))) : momentsOfView(grant);
  return (
    <ol class="timeline" aria-live="polite" aria-relevant="additions">
      {[...aheadOf(grant), ...[...past].reverse()].map((moment) => (
        <li key={moment.key}>
          <span class={moment.tone}>
            <Icon name={moment.icon} />
          </span>
          <div>
            <p>
              {moment.words} <span class="quiet">·</span>{" "}
              <span class="quiet small">
                <Time at={moment.time} />
              </span>
            </p>
            {moment.detail === undefined ? null : (
              <p class="timeline-detail text">
                <ForeignText text={moment.detail} />
              </p>
            )}
          </div>
        </li>
      ))}
    </ol>
  );
}

/** What is still to come of it. */
function aheadOf({ state, expiryTime, startTime, approval }: GrantView): readonly Moment[] {
  const at = (words: string, time: string | undefined): readonly Moment[] =>
    time === undefined ? [] : [{ key: words, time, icon: "clock", tone: "waiting", words }];
  if (state === "Active") {
    return at("Ends", expiryTime);
  }
  if (state === "Scheduled") {
    return at("Begins", startTime);
  }
  return state === "PendingApproval" ? at("Ends by itself unless approved", approval?.deadline) : [];
}
