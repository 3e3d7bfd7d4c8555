import type { Trail } from "#audit/event/trail.ts";
import type { Principal } from "./tokens.ts";

/**
 * How somebody proved who they are: the identity permission set, the permission set of a grant of theirs, a token of the OIDC issuer, or a
 * one-time link that their command line asked for.
 */
export type SignInWay = "Identity" | "Grant" | "OIDC" | "Link";

/** Records a sign-in. Rejects when it cannot be kept, and then nobody may be signed in. */
export async function recordSignIn(
  trail: Trail,
  { userName }: Principal,
  how: SignInWay,
  client: "API" | "Console",
): Promise<void> {
  const actor = { kind: "User", name: userName } as const;
  await trail.record({ event: "person.signedIn", actor, userName, detail: { how, client } });
}
