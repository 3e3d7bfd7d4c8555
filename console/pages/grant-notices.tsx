import type { GrantView } from "#wire/control-api.ts";
import { useNow } from "../ui/now.ts";
import { Notice } from "../ui/notice.tsx";
import { Remaining, Time } from "../ui/time.tsx";

/** Below this much time left, its end is a matter of now, in milliseconds. */
const shortMs = 10 * 60_000;

/** What is to be known of a grant before anything else. */
export function GrantNotices({ grant }: { readonly grant: GrantView }) {
  const { state, message, readyReason, endReason, endTime, flagged, flaggedMessage, urgency } = grant;
  return (
    <>
      {urgency === "BreakGlass" ? (
        <Notice tone="warning" icon="bolt" title="Break-glass: this access skipped its approval">
          <p>It was an emergency, and stays marked as one for good.</p>
        </Notice>
      ) : null}
      {flagged === undefined ? null : (
        <Notice tone="bad" title={`Flagged: ${flagged}`}>
          {flaggedMessage === undefined ? null : <p>{flaggedMessage}</p>}
        </Notice>
      )}
      {state === "Active" ? <Left grant={grant} /> : null}
      {state === "Refused" ? (
        <Notice tone="bad" title={`Refused: ${readyReason}`}>
          <p>{message}</p>
        </Notice>
      ) : null}
      {state === "Provisioning" || state === "Pending" ? (
        <Notice tone="busy" title={state === "Pending" ? "Being looked at" : "Getting ready: usually half a minute"}>
          {message === "" ? null : <p>{message}</p>}
        </Notice>
      ) : null}
      {state === "Revoking" || state === "Ended" ? (
        <Notice
          tone="neutral"
          icon="stop"
          title={endReason === undefined || endReason === "" ? "Access has ended" : endReason}
        >
          {endTime === undefined ? null : (
            <p>
              Ended <Time at={endTime} />.
            </p>
          )}
          {state === "Revoking" ? <p>The sessions are closed. What gave access is being taken down.</p> : null}
        </Notice>
      ) : null}
    </>
  );
}

/** How much of the access is left. */
function Left({ grant: { activationTime, expiryTime } }: { readonly grant: GrantView }) {
  const now = useNow(1_000);
  if (activationTime === undefined || expiryTime === undefined) {
    return null;
  }
  const endMs = Date.parse(expiryTime);
  const leftMs = Math.max(0, endMs - now);
  const share = Math.min(1, leftMs / Math.max(1, endMs - Date.parse(activationTime)));
  return (
    <div class="left">
      <p class="row">
        <strong>
          <Remaining until={expiryTime} /> left
        </strong>
        <span class="quiet small">
          ends <Time at={expiryTime} />
        </span>
      </p>
      <progress
        class={leftMs < shortMs ? "remaining short" : "remaining"}
        max={100}
        value={Math.round(share * 100)}
        aria-label="Time that is left"
      />
    </div>
  );
}
