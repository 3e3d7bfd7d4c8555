import { exactTime, relativeTime } from "../text/relative-time.ts";
import { durationText } from "../text/duration.ts";
import { useNow } from "./now.ts";

/** How often relative times are looked at, in milliseconds: seconds are shown below a minute only. */
const stepMs = 5_000;

/** An instant (RFC 3339), relative to now; the exact time on hover and focus. `quiet`: not a stop of the Tab key, for long lists. */
export function Time({ at, quiet }: { readonly at: string; readonly quiet?: boolean }) {
  const now = useNow(stepMs);
  const atMs = Date.parse(at);
  if (Number.isNaN(atMs)) {
    return <span>{at}</span>;
  }
  const exact = exactTime(atMs);
  return (
    <time class="time" dateTime={at} data-exact={exact} tabIndex={quiet === true ? undefined : 0} aria-label={exact}>
      {relativeTime(atMs, now)}
    </time>
  );
}

/** How long it is until an instant (RFC 3339), to the second shortly before it. */
export function Remaining({ until }: { readonly until: string }) {
  const now = useNow(1_000);
  return (
    <time class="time" dateTime={until} data-exact={exactTime(Date.parse(until))} tabIndex={0}>
      {durationText(Math.max(0, Date.parse(until) - now) / 1_000)}
    </time>
  );
}
