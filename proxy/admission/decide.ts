import type { LinkGrant } from "#wire/link.ts";
import type { GrantTable } from "../grants/table.ts";
import { permissionSetOfRole } from "#wire/identity.ts";
import type { RefusalCode } from "#wire/handshake.ts";
import type { ProofRefusal, ProvenIdentity } from "#wire/proof.ts";

/** What is known of a grant at the moment of a handshake. */
export interface GrantFacts {
  readonly grant: LinkGrant;
  readonly remainingMs: number;
  readonly end?: { readonly message: string };
}

/** Reads them from the table; undefined for an unknown grant. */
export function factsOf(grantID: string, grants: Pick<GrantTable, "get" | "remainingMs">): GrantFacts | undefined {
  const entry = grants.get(grantID);
  return entry === undefined
    ? undefined
    : {
        grant: entry.grant,
        remainingMs: grants.remainingMs(grantID),
        ...(entry.end === undefined ? {} : { end: entry.end }),
      };
}

/** A refusal before it is put on the wire. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly message: string;
  readonly retryable: boolean;
}

/** Whether a grant lets anybody in now. Undefined means yes. */
export function refuseGrant(facts: GrantFacts | undefined, controllerIsNear: boolean): Refusal | undefined {
  if (!controllerIsNear) {
    return {
      code: "controller-lost",
      message: "the proxy has lost contact with its controller and lets nobody new in until it is back",
      retryable: true,
    };
  }
  if (facts === undefined) {
    return {
      code: "grant-unknown",
      message: "the proxy does not know this grant; right after its activation this can take a few seconds",
      retryable: true,
    };
  }
  if (facts.end !== undefined || facts.remainingMs <= 0) {
    return { code: "grant-ended", message: facts.end?.message ?? "this access has expired", retryable: false };
  }
  return undefined;
}

/**
 * Whether a proven identity is the grant's person, in the grant's account, through the grant's own role. Every part must fit: a
 * role's name can be copied by an account's administrator, its unique id cannot; the same person's role for another grant has
 * another permission set. Undefined means yes.
 */
export function refuseIdentity(identity: ProvenIdentity | ProofRefusal, grant: LinkGrant): Refusal | undefined {
  if ("refused" in identity) {
    return identity.refused === "unavailable"
      ? {
          code: "proof-unavailable",
          message: `your identity could not be checked: ${identity.detail}`,
          retryable: true,
        }
      : { code: "proof-refused", message: `your identity proof was refused: ${identity.detail}`, retryable: false };
  }
  if (identity.accountID !== grant.accountID || identity.role.accountID !== grant.accountID) {
    return {
      code: "wrong-account",
      message: "the credentials belong to another AWS account than this grant",
      retryable: false,
    };
  }
  if (permissionSetOfRole(identity.role.roleName) !== grant.grantID || identity.roleID !== grant.roleID) {
    return { code: "wrong-role", message: "the credentials do not come from this grant's own role", retryable: false };
  }
  if (identity.role.sessionName !== grant.person.userName) {
    return { code: "wrong-person", message: "this grant belongs to another person", retryable: false };
  }
  return undefined;
}

/** Whether this release speaks the database's protocol. Undefined means yes. */
export function refuseEngine(grant: LinkGrant, engines: ReadonlySet<string>): Refusal | undefined {
  const { engine } = grant.database;
  return engines.has(engine)
    ? undefined
    : { code: "version", message: `this release of the proxy does not speak ${engine} yet`, retryable: false };
}
