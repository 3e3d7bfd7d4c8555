import type { GrantView } from "#wire/control-api.ts";
import type { TrailEvent, TrailEventName } from "#wire/trail-event.ts";
import type { Tone } from "../ui/badge.tsx";
import type { IconName } from "../ui/icon.tsx";

/** One entry of a timeline. */
export interface Moment {
  readonly key: string;
  /** RFC 3339 */
  readonly time: string;
  readonly icon: IconName;
  readonly tone: Tone;
  readonly words: string;
  /** What somebody wrote, or else belongs to it. */
  readonly detail?: string;
}

type Look = Pick<Moment, "icon" | "tone"> & { readonly words: (event: TrailEvent, who: string) => string };

const looks: Readonly<Record<TrailEventName, Look>> = {
  "grant.requested": { icon: "requests", tone: "neutral", words: (_event, who) => `${who} asked for it` },
  "grant.approved": {
    icon: "check",
    tone: "good",
    words: ({ detail }) => (detail?.["kind"] === "Automatic" ? "Approved by the policy" : "All steps are approved"),
  },
  "grant.denied": { icon: "cross", tone: "bad", words: (_event, who) => `${who} denied it` },
  "grant.activated": { icon: "bolt", tone: "good", words: () => "Access began" },
  "grant.breakGlass": { icon: "bolt", tone: "warning", words: (_event, who) => `${who} broke the glass` },
  "grant.extended": { icon: "plus", tone: "good", words: (_event, who) => `${who} extended it` },
  "grant.expiring": { icon: "clock", tone: "warning", words: () => "Ends soon" },
  "grant.ended": { icon: "stop", tone: "neutral", words: (event, who) => endWords(event, who) },
  "grant.deprovisioned": { icon: "lock", tone: "neutral", words: () => "Everything that gave access is gone" },
  "review.counted": {
    icon: "review",
    tone: "good",
    words: ({ detail }, who) => `${who} ${detail?.["decision"] === "Deny" ? "denied" : "approved"}${stepWords(detail)}`,
  },
  "review.refused": {
    icon: "warning",
    tone: "warning",
    words: ({ detail }, who) => `${who}'s review did not count${detail?.["reason"] ? `: ${detail["reason"]}` : ""}`,
  },
  "session.killed": { icon: "stop", tone: "bad", words: (_event, who) => `${who} killed a session` },
  "statements.viewed": { icon: "eye", tone: "neutral", words: (_event, who) => `${who} looked at the statements` },
  "audit.exported": { icon: "eye", tone: "neutral", words: (_event, who) => `${who} exported the trail` },
  "person.signedIn": { icon: "dot", tone: "neutral", words: (_event, who) => `${who} signed in` },
  "slack.linked": { icon: "dot", tone: "neutral", words: (_event, who) => `${who} linked Slack` },
};

/** Details that are somebody's own words. */
const quoted = ["reason", "comment", "message"] as const;

/** An event as an entry of a timeline. An event that this page does not know yet stays readable by its name. */
export function momentOf(event: TrailEvent, key: string): Moment {
  const look = (looks as Readonly<Record<string, Look | undefined>>)[event.event];
  const said = event.event === "review.refused" ? ["comment"] : event.event === "grant.ended" ? ["message"] : quoted;
  const detail = said.flatMap((name) => event.detail?.[name] ?? []).join("\n");
  return {
    key,
    time: event.time,
    icon: look?.icon ?? "dot",
    tone: look?.tone ?? "neutral",
    words: look?.words(event, nameOf(event)) ?? event.event,
    ...(detail === "" ? {} : { detail }),
  };
}

/** What a grant's own view tells of its past, oldest first: for who may not read its events, or while they do not come. */
export function momentsOfView(grant: GrantView): readonly Moment[] {
  const { requestTime, activationTime, endTime, approval, requester, userName, endReason } = grant;
  const at = (time: string | undefined, moment: Omit<Moment, "time" | "key">): Moment[] =>
    time === undefined ? [] : [{ ...moment, time, key: `${moment.words} ${time}` }];
  const reviews = (approval?.steps ?? []).flatMap(({ decisions }) =>
    decisions.flatMap(({ decision, reviewer, time, comment }) =>
      at(time, {
        icon: "review",
        tone: decision === "Approve" ? "good" : "bad",
        words: `${reviewer.kind === "Pipeline" ? "The pipeline" : reviewer.username} ${decision === "Approve" ? "approved" : "denied"}`,
        ...(comment === undefined ? {} : { detail: comment }),
      }),
    ),
  );
  return [
    ...at(requestTime, { icon: "requests", tone: "neutral", words: `${requester ?? userName} asked for it` }),
    ...reviews,
    ...at(activationTime, { icon: "bolt", tone: "good", words: "Access began" }),
    ...at(endTime, { icon: "stop", tone: "neutral", words: `Ended${endReason === undefined ? "" : `: ${endReason}`}` }),
  ].sort((one, other) => one.time.localeCompare(other.time));
}

function nameOf({ actor }: TrailEvent): string {
  switch (actor.kind) {
    case "User":
      return actor.name === "" ? "Somebody" : actor.name;
    case "Pipeline":
      return actor.name === "" ? "The pipeline" : `The pipeline (${actor.name})`;
    case "Cluster":
      return `${actor.name} (cluster)`;
    case "Controller":
      return "The controller";
  }
}

function endWords({ actor, detail }: TrailEvent, who: string): string {
  const reason = detail?.["reason"];
  if (reason === "Expired") {
    return "Ended on time";
  }
  if (actor.kind === "User") {
    return reason === "Cancelled" ? `${who} withdrew it` : `${who} ended it`;
  }
  return reason === undefined ? "Ended" : `Ended: ${reason}`;
}

function stepWords(detail: TrailEvent["detail"]): string {
  return detail?.["step"] === undefined ? "" : ` (${detail["step"]})`;
}
