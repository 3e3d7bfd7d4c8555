import type { Grant } from "#kinds/index.ts";
import { isSubject, type NamedSubject, type PolicyObjects, type Subject, subjectsOf } from "./offers.ts";

/**
 * Whether the memberships of the Grant's person must be looked up: not where policy names the person. A look costs one call for each 100
 * groups of theirs (identitystore:ListGroupMembershipsForMember), and one a minute for each group's name, shared by all.
 */
export function dependsOnGroups({ status }: Grant): boolean {
  return pinnedLists(status).some((subjects) => subjects.length > 0 && subjects.every(({ kind }) => kind === "Group"));
}

/**
 * Why the person is not entitled any more: none of the subjects that entitled them at approval, and none of those that the same
 * Availability names now; for break-glass, none of those who might skip the approval. Undefined while they are. An Availability that was deleted or whose subjects were
 * changed ends nothing by itself (ADR 0007); a person who was removed from the group does. Pure.
 */
export function lostEntitlement(
  { status }: Grant,
  person: Subject,
  { availabilities }: Pick<PolicyObjects, "availabilities">,
): string | undefined {
  const byAvailability = status?.availability?.subjects ?? [];
  const availability = availabilities.find(({ metadata }) => metadata.name === status?.availability?.name);
  const isNamedNow = availability !== undefined && isSubject(availability, person);
  if (byAvailability.length > 0 && subjectsOf(byAvailability, person).length === 0 && !isNamedNow) {
    const name = status?.availability?.name ?? "";
    return `${person.userName} is no longer among ${nameAll(byAvailability)}, to whom the Availability ${name} offered the access.`;
  }
  const breakGlass = status?.workflow?.breakGlassSubjects ?? [];
  return breakGlass.length > 0 && subjectsOf(breakGlass, person).length === 0
    ? `${person.userName} is no longer among ${nameAll(breakGlass)}, who may skip the approval.`
    : undefined;
}

/** Empty lists are none: what was recorded before they were pinned. */
function pinnedLists(status: Grant["status"]): (readonly NamedSubject[])[] {
  return [status?.availability?.subjects ?? [], status?.workflow?.breakGlassSubjects ?? []];
}

function nameAll(subjects: readonly NamedSubject[]): string {
  return subjects.map(({ kind, name }) => (kind === "Group" ? `the group ${name}` : name)).join(", ");
}
