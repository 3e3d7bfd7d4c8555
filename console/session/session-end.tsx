import { useNow } from "../ui/now.ts";
import { Notice } from "../ui/notice.tsx";
import { durationText } from "../text/duration.ts";
import { useSession } from "./session.tsx";

/** How long before its end a session says so, in milliseconds: enough to finish what is being written. */
const warnMs = 5 * 60_000;

/** Says that the session ends soon. */
export function SessionEnd() {
  const { expiryTime } = useSession();
  const now = useNow(10_000);
  const leftMs = expiryTime === undefined ? Infinity : Date.parse(expiryTime) - now;
  if (!(leftMs < warnMs)) {
    return null;
  }
  return (
    <Notice
      tone="warning"
      icon="clock"
      title={`Your session ends in ${durationText(Math.max(0, leftMs) / 1_000)}`}
      alert
    >
      <p>Sign in again to go on; access that you hold is not affected.</p>
    </Notice>
  );
}
