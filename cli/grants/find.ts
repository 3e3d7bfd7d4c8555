import { UserError } from "#lib/errors.ts";
import { isGrantID } from "#lib/grant-id.ts";
import type { GrantList, GrantView } from "#wire/control-api.ts";
import type { Invocation, World } from "../command.ts";
import type { ControlClient } from "../control/client.ts";
import { didYouMean } from "../output/nearest.ts";

/** A grant ID, a name, `namespace/name`, or the beginning of any: names are those of Kubernetes objects (RFC 1123). */
const grantText = /^(?:[a-z0-9][a-z0-9-]{0,62}\/)?[a-z0-9][a-z0-9.-]{0,252}$/;
/** More candidates than this are not read. */
const candidatesShown = 10;

/** The positional GRANT as typed. Throws for what can be none, before anybody is asked. */
export function typedGrant({ positionals }: Invocation): string {
  const [typed = ""] = positionals;
  checkGrantText(typed);
  return typed;
}

/** Throws for what can be no grant. */
export function checkGrantText(typed: string): void {
  if (!grantText.test(typed)) {
    throw new UserError("InvalidGrant", `"${typed}" is not a grant ID, and no name of a grant`, {
      next: "sallyport grants list",
    });
  }
}

/**
 * The grant that `typed` means: its ID, `namespace/name`, its name, or a beginning of the ID or the name that fits one only. Throws with
 * the candidates where several fit.
 */
export async function findGrant(control: ControlClient, typed: string, world: World): Promise<GrantView> {
  if (isGrantID(typed)) {
    return control.get<GrantView>(`/v1/grants/${typed}`, { signal: world.signal });
  }
  const known = await knownGrants(control, world);
  const exact = known.filter((grant) => typed === nameOf(grant) || typed === grant.name);
  const fitting = exact.length > 0 ? exact : known.filter((grant) => begins(grant, typed));
  const [only, second] = fitting;
  if (only === undefined) {
    const names = known.flatMap((grant) => [grant.grantID, grant.name]).filter((name) => name !== "");
    throw new UserError("GrantNotFound", `no grant that you may see is called ${typed}`, {
      why: didYouMean(typed, names),
      next: "sallyport grants list",
    });
  }
  if (second !== undefined) {
    throw ambiguous(typed, fitting);
  }
  return only;
}

/** What a message calls it: its ID, or before it has one `namespace/name`; either can be typed. */
export function handleOf(grant: Pick<GrantView, "grantID" | "namespace" | "name">): string {
  return grant.grantID === "" ? nameOf(grant) : grant.grantID;
}

/** One's own grants and those that one reviews. */
async function knownGrants(control: ControlClient, world: World): Promise<readonly GrantView[]> {
  const options = { signal: world.signal };
  const lists = await Promise.all(
    ["/v1/grants", "/v1/reviews?state=waiting", "/v1/reviews?state=decided"].map((path) =>
      control.get<GrantList>(path, options),
    ),
  );
  return [...new Map(lists.flatMap(({ items }) => items).map((grant) => [nameOf(grant), grant])).values()];
}

function nameOf({ namespace, name }: Pick<GrantView, "namespace" | "name">): string {
  return `${namespace}/${name}`;
}

function begins(grant: GrantView, typed: string): boolean {
  return grant.grantID.startsWith(typed) || grant.name.startsWith(typed) || nameOf(grant).startsWith(typed);
}

function ambiguous(typed: string, fitting: readonly GrantView[]): UserError {
  const lines = fitting
    .slice(0, candidatesShown)
    .map((grant) => `${handleOf(grant)}: ${grant.userName}, ${grant.role} on ${grant.database}, ${grant.state}`);
  const more = fitting.length > candidatesShown ? [`and ${fitting.length - candidatesShown} more`] : [];
  return new UserError("AmbiguousGrant", `${typed} fits ${fitting.length} grants`, {
    why: `it may be ${[...lines, ...more].join("; ")}`,
    next: "Name one by its grant ID.",
  });
}
