import type { GrantView, Person } from "#wire/control-api.ts";
import type { Tone } from "../ui/badge.tsx";

/** A grant's state in words, with what it means for the person. */
export interface Standing {
  readonly tone: Tone;
  readonly words: string;
}

const standings: Readonly<Record<GrantView["state"], Standing>> = {
  Pending: { tone: "busy", words: "Received" },
  PendingApproval: { tone: "waiting", words: "Waiting for approval" },
  Scheduled: { tone: "waiting", words: "Scheduled" },
  Provisioning: { tone: "busy", words: "Getting ready" },
  Active: { tone: "good", words: "Active" },
  Revoking: { tone: "busy", words: "Ending" },
  Ended: { tone: "neutral", words: "Ended" },
  Refused: { tone: "bad", words: "Refused" },
};

/** How a grant stands. One that was denied ends like any other, and says so all the same. */
export function standingOf(grant: Pick<GrantView, "state" | "approval">): Standing {
  return grant.approval?.state === "Denied" ? { tone: "bad", words: "Denied" } : standings[grant.state];
}

/** Whether something may still come of it. */
export function isOpen({ state }: Pick<GrantView, "state">): boolean {
  return state !== "Ended" && state !== "Refused" && state !== "Revoking";
}

/** Whether the grant waits for a decision of the reader. */
export function waitsForReader({ actions }: Pick<GrantView, "actions">): boolean {
  return actions?.includes("approve") === true || actions?.includes("deny") === true;
}

/** Whether a user name is the person's: compared without case, as the identity store does. */
export function isSamePerson({ userName }: Pick<Person, "userName">, other: string | undefined): boolean {
  return userName.toLowerCase() === other?.toLowerCase();
}

/** Whether a decision of the person counted. */
export function isDecidedBy({ approval }: Pick<GrantView, "approval">, person: Pick<Person, "userName">): boolean {
  return (approval?.steps ?? []).some(({ decisions }) =>
    decisions.some(({ reviewer }) => isSamePerson(person, reviewer.username)),
  );
}

/** Whether the grant is the person's, or was asked for by them. */
export function isOwn({ userName, requester }: GrantView, person: Pick<Person, "userName">): boolean {
  return isSamePerson(person, userName) || isSamePerson(person, requester);
}
