import { defined } from "#lib/defined.ts";
import type { Entitlement } from "#wire/control-api.ts";
import { offersFor, type Offer, subjectsOf } from "../../reconcile/grant/offers.ts";
import type { Source } from "../../source/source.ts";
import type { Principal } from "../auth/tokens.ts";
import { grantViewOf } from "./grant-view.ts";
import { openGrantOf } from "./request-grant.ts";

/** What the person may ask for now, in every namespace or in one, each with the person's own open grant for it. */
export function entitlementsOf(source: Source, person: Principal, namespace: string | undefined): Entitlement[] {
  const grants = source.list("Grant").map((stored) => stored.object);
  const databases = source.list("Database").map((stored) => stored.object);
  const namespaces = new Set(databases.map((database) => database.metadata.namespace));
  return [...namespaces].sort().flatMap((current) => {
    if (namespace !== undefined && namespace !== current) {
      return [];
    }
    const within = <T extends { readonly metadata: { readonly namespace: string } }>(objects: readonly T[]): T[] =>
      objects.filter((object) => object.metadata.namespace === current);
    const offers = offersFor(person, {
      databases: within(databases),
      availabilities: within(source.list("Availability").map((stored) => stored.object)),
      workflows: within(source.list("AccessWorkflow").map((stored) => stored.object)),
    });
    return offers.flatMap((offer) => toEntitlement(offer, person, within(grants)));
  });
}

function toEntitlement(
  { database, roleName, workflow }: Offer,
  person: Principal,
  grants: Parameters<typeof openGrantOf>[0],
): Entitlement[] {
  const role = database.spec.roles.find((candidate) => candidate.name === roleName);
  if (role === undefined) {
    return [];
  }
  const open = openGrantOf(grants, person.userName, database.metadata.name, roleName);
  const { maxDurationSeconds, defaultDurationSeconds, approvalSteps, reasonPolicy, breakGlass } = workflow.spec;
  return [
    {
      namespace: database.metadata.namespace,
      database: database.metadata.name,
      role: roleName,
      engine: database.spec.engine,
      databaseName: database.spec.databaseName,
      username: role.username,
      workflow: workflow.metadata.name,
      needsApproval: (approvalSteps?.length ?? 0) > 0,
      breakGlass: subjectsOf(breakGlass?.subjects ?? [], person).length > 0,
      reason: reasonPolicy !== undefined && reasonPolicy.requirement !== "Optional" ? "Required" : "Optional",
      maxDurationSeconds,
      defaultDurationSeconds: defaultDurationSeconds ?? maxDurationSeconds,
      ...defined({ localPort: role.localPort }),
      ...(open === undefined ? {} : { grant: grantViewOf(open) }),
    },
  ];
}
