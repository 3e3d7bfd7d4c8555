import { errors, type JWTPayload, jwtVerify, type JWTVerifyGetKey } from "jose";

/**
 * Signatures that count: made with a key that only the issuer has. `none` proves nothing, and with HS256 everybody who knows the client's
 * secret could sign (RFC 8725 3.1 and 3.2).
 */
export const algorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
] as const;
/** Clocks of two well-kept servers differ by less; it lengthens what a token is worth by as much. */
export const skewSeconds = 60;
/** A token is presented right after it was issued; one found later is worth nothing. */
export const tokenAgeMaxSeconds = 300;
/** OpenID Connect Core 2: `sub` has 255 characters at most. */
const subjectMax = 255;
/** The longest user name of the Identity Store. */
const userNameMax = 128;

/** Keys that cannot be fetched or read say nothing about the token; every other failure of the library does. */
const keyTrouble: ReadonlySet<string> = new Set(["ERR_JOSE_GENERIC", "ERR_JWKS_TIMEOUT", "ERR_JWKS_INVALID"]);

/** What an ID token says, once it is believed. */
export interface IDTokenClaims {
  readonly subject: string;
  readonly userName: string;
  /** Absent: the token came by a flow that binds none (RFC 8628), or by a refresh (OpenID Connect Core 12.2). */
  readonly nonce: string | undefined;
  /** When it was issued, in whole seconds since the epoch. */
  readonly issuedSeconds: number;
}

export interface IDTokenRules {
  readonly issuer: string;
  /** The client that the token must be meant for, alone. */
  readonly clientID: string;
  /** Claim that holds the user name in the Identity Store. */
  readonly usernameClaim: string;
  readonly keys: JWTVerifyGetKey;
  readonly nowMs: number;
}

/**
 * Checks an ID token (OpenID Connect Core 3.1.3.7): signature by a key of the issuer with an algorithm of the list, issuer, audience,
 * authorised party, times. Anything else is refused with a reason that may be shown. Rejects where the issuer's keys cannot be read.
 */
export async function verifyIDToken(
  token: string,
  rules: IDTokenRules,
): Promise<IDTokenClaims | { readonly refused: string }> {
  let verified: Awaited<ReturnType<typeof jwtVerify>>;
  try {
    verified = await jwtVerify(token, rules.keys, {
      issuer: rules.issuer,
      audience: rules.clientID,
      algorithms: [...algorithms],
      clockTolerance: skewSeconds,
      maxTokenAge: tokenAgeMaxSeconds,
      currentDate: new Date(rules.nowMs),
      requiredClaims: ["sub", "iat", "exp"],
    });
  } catch (error) {
    if (error instanceof errors.JOSEError && !keyTrouble.has(error.code)) {
      return { refused: error.message };
    }
    throw error;
  }
  const { payload, protectedHeader } = verified;
  // Access tokens and logout tokens are signed with the same keys, and say what they are (RFC 9068 2.1, RFC 8725 3.11).
  if (protectedHeader.typ !== undefined && protectedHeader.typ.toLowerCase() !== "jwt") {
    return { refused: `a token of type ${protectedHeader.typ} is no ID token` };
  }
  return partyProblem(payload, rules.clientID) ?? personClaims(payload, rules.usernameClaim);
}

/** OpenID Connect Core 3.1.3.7, 4 and 5: with several audiences the token must name us as the one it was issued to. */
function partyProblem({ aud, azp }: JWTPayload, clientID: string): { refused: string } | undefined {
  if (Array.isArray(aud) && aud.length > 1 && azp === undefined) {
    return { refused: "the token has several audiences and names none as its party" };
  }
  return azp === undefined || azp === clientID ? undefined : { refused: "the token was issued to another client" };
}

function personClaims(payload: JWTPayload, usernameClaim: string): IDTokenClaims | { readonly refused: string } {
  const { sub, nonce, iat = 0 } = payload;
  const userName = payload[usernameClaim];
  if (sub === undefined || sub === "" || sub.length > subjectMax) {
    return { refused: "the token names no subject" };
  }
  if (typeof userName !== "string" || userName === "" || userName.length > userNameMax) {
    return { refused: `the token has no ${usernameClaim}` };
  }
  // Whoever may type any address into their own profile must not become its owner.
  if (usernameClaim === "email" && payload["email_verified"] !== true) {
    return { refused: "the issuer has not verified the e-mail address" };
  }
  return { subject: sub, userName, nonce: typeof nonce === "string" ? nonce : undefined, issuedSeconds: iat };
}
