import { isNamedAs } from "./names.ts";
import { matchesLabels, type AccessWorkflow, type Availability, type Database, type GrantSpec } from "#kinds/index.ts";

/** Who asks, as the identity store knows them. */
export interface Subject {
  readonly userName: string;
  /** Display names of their groups. */
  readonly groups: readonly string[];
}

/** The policy objects of one namespace. */
export interface PolicyObjects {
  readonly availabilities: readonly Availability[];
  readonly workflows: readonly AccessWorkflow[];
  readonly databases: readonly Database[];
}

/** One role of one Database that somebody may ask for, and the rules that apply. */
export interface Offer {
  readonly database: Database;
  readonly roleName: string;
  readonly availability: Availability;
  readonly workflow: AccessWorkflow;
}

/** Whether the availability names the subject. */
export function isSubject(availability: Availability, subject: Subject): boolean {
  return subjectsOf(availability.spec.subjects, subject).length > 0;
}

/** One user or group of the identity store, as policy names it. */
export interface NamedSubject {
  readonly kind: "User" | "Group";
  readonly name: string;
}

/** Which of the named subjects this one is, people first. */
export function subjectsOf(named: readonly NamedSubject[], { userName, groups }: Subject): NamedSubject[] {
  const users = named.filter(({ kind, name }) => kind === "User" && isNamedAs(name, userName));
  const own = named.filter(({ kind, name }) => kind === "Group" && groups.some((group) => isNamedAs(name, group)));
  return [...users, ...own].map(({ kind, name }) => ({ kind, name }));
}

/** Whether the availability covers the Database, by name or by label. */
export function coversDatabase({ spec }: Availability, database: Database): boolean {
  if (spec.databaseSelector !== undefined) {
    return matchesLabels(spec.databaseSelector, database.metadata.labels);
  }
  return spec.databaseRefs?.some(({ name }) => name === database.metadata.name) === true;
}

/** Everything that `subject` may ask for, each role once under the workflow that applies to it. By database and role name. */
export function offersFor(subject: Subject, objects: PolicyObjects): Offer[] {
  const mine = objects.availabilities.filter(
    (availability) => availability.spec.suspend !== true && isSubject(availability, subject),
  );
  const offers: Offer[] = [];
  for (const database of objects.databases) {
    for (const { name: roleName } of database.spec.roles) {
      const matching = mine.filter((other) => offersRole(other, database, roleName));
      const chosen = chooseOffer(matching, objects.workflows);
      if (chosen.kind === "chosen") {
        offers.push({ database, roleName, availability: chosen.availability, workflow: chosen.workflow });
      }
    }
  }
  return offers;
}

/** What applies to a request, or why nothing does. */
export type OfferResolution =
  | { readonly kind: "chosen"; readonly availability: Availability; readonly workflow: AccessWorkflow }
  /** An availability that matches names a workflow that is not there: which rules apply cannot be known. */
  | { readonly kind: "missingWorkflow"; readonly message: string }
  | { readonly kind: "notAvailable"; readonly message: string };

/**
 * Finds the availability and workflow of a request. `availabilityRef` pins one; else the highest workflow priority wins and
 * ties choose the stricter (DESIGN section 2).
 */
export function resolveOffer(
  subject: Subject,
  spec: Pick<GrantSpec, "databaseRef" | "roleName" | "availabilityRef">,
  objects: PolicyObjects,
): OfferResolution {
  const database = objects.databases.find((other) => other.metadata.name === spec.databaseRef.name);
  const pinned = spec.availabilityRef?.name;
  const candidates = objects.availabilities.filter((other) => pinned === undefined || other.metadata.name === pinned);
  if (pinned !== undefined && candidates.length === 0) {
    return { kind: "notAvailable", message: `There is no Availability ${pinned} in this namespace.` };
  }
  const matching = candidates.filter(
    (other) =>
      other.spec.suspend !== true &&
      isSubject(other, subject) &&
      database !== undefined &&
      offersRole(other, database, spec.roleName),
  );
  if (matching.length === 0) {
    return { kind: "notAvailable", message: explainMismatch(subject, spec, candidates, database, objects) };
  }
  return chooseOffer(matching, objects.workflows);
}

function offersRole(availability: Availability, database: Database, roleName: string): boolean {
  return availability.spec.roleNames.includes(roleName) && coversDatabase(availability, database);
}

function chooseOffer(matching: readonly Availability[], workflows: readonly AccessWorkflow[]): OfferResolution {
  const pairs: { readonly availability: Availability; readonly workflow: AccessWorkflow }[] = [];
  for (const availability of matching) {
    const { name } = availability.spec.workflowRef;
    const workflow = workflows.find((other) => other.metadata.name === name);
    if (workflow === undefined) {
      // Leaving it out would let a looser availability win while the stricter one's workflow is on its way.
      return {
        kind: "missingWorkflow",
        message: `The Availability ${availability.metadata.name} names the AccessWorkflow ${name}, which does not exist.`,
      };
    }
    pairs.push({ availability, workflow });
  }
  const best = pairs.sort(
    (a, b) =>
      byPreference(a.workflow, b.workflow) || (a.availability.metadata.name < b.availability.metadata.name ? -1 : 1),
  )[0];
  return best === undefined ? { kind: "notAvailable", message: "Nothing matches." } : { kind: "chosen", ...best };
}

/** Priority first; then who needs more approval; then the shorter maximum. */
function byPreference(a: AccessWorkflow, b: AccessWorkflow): number {
  return (
    (b.spec.priority ?? 0) - (a.spec.priority ?? 0) ||
    (b.spec.approvalSteps?.length ?? 0) - (a.spec.approvalSteps?.length ?? 0) ||
    a.spec.maxDurationSeconds - b.spec.maxDurationSeconds
  );
}

/** At most this many offers are named in a message; the command line lists them all. */
const namedOffersMax = 8;

function explainMismatch(
  subject: Subject,
  spec: Pick<GrantSpec, "databaseRef" | "roleName" | "availabilityRef">,
  candidates: readonly Availability[],
  database: Database | undefined,
  objects: PolicyObjects,
): string {
  const pinned = spec.availabilityRef?.name;
  const what = `the role ${spec.roleName} on ${spec.databaseRef.name}`;
  const suspended = candidates.find(
    (other) =>
      other.spec.suspend === true &&
      isSubject(other, subject) &&
      database !== undefined &&
      offersRole(other, database, spec.roleName),
  );
  const first =
    suspended === undefined
      ? `${pinned === undefined ? "No Availability offers" : `The Availability ${pinned} does not offer`} ${what} to ${subject.userName}.`
      : `The Availability ${suspended.metadata.name} offers ${what} to ${subject.userName}, but it is suspended.`;
  const offers = offersFor(subject, objects).map((offer) => `${offer.roleName} on ${offer.database.metadata.name}`);
  if (offers.length === 0) {
    return `${first} Nothing is offered to ${subject.userName} in this namespace.`;
  }
  const more = offers.length > namedOffersMax ? `, and ${offers.length - namedOffersMax} more` : "";
  return `${first} They may ask for: ${offers.slice(0, namedOffersMax).join(", ")}${more}.`;
}
