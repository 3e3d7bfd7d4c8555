import type { LoginResponse } from "#wire/control-api.ts";
import type { OidcLoginRequest, OidcNonce } from "#wire/sign-in.ts";
import type { Groups } from "../../app.ts";
import { HttpProblem, type Route } from "../../route.ts";
import { integer, object, text } from "../../schemas.ts";
import type { Services } from "../../services.ts";
import { Attempts } from "../attempts.ts";
import { personOf, readPerson } from "../person.ts";
import { recordSignIn } from "../record.ts";
import { loginResponse } from "../response.ts";
import type { Principal, Tokens } from "../tokens.ts";
import { type IDTokenClaims, verifyIDToken } from "./id-token.ts";
import { issuerUnavailable, type OidcIssuer } from "./issuer.ts";
import { oidcNonceLifeMs, OnlyOnce } from "./once.ts";

/** ID tokens with many groups in them are a few kilobytes. */
const idTokenMax = 16_384;

export interface OidcLoginOptions {
  readonly issuer: OidcIssuer;
  readonly services: Pick<Services, "clock" | "random" | "directory" | "trail" | "log">;
  readonly tokens: Tokens;
  readonly groups: Groups;
}

/** Signing in at the control API by a token of the OIDC issuer. */
export function oidcLoginRoutes(options: OidcLoginOptions): Route[] {
  const { clock, random } = options.services;
  const once = new OnlyOnce(clock, random);
  const nonceAttempts = new Attempts(clock);
  const loginAttempts = new Attempts(clock);
  return [
    {
      method: "POST",
      path: "/v1/login/oidc/nonce",
      operationID: "createOidcNonce",
      summary: "A single-use nonce for a sign-in at the OIDC issuer.",
      rule: "public",
      response: object({ nonce: text(64), lifeMs: integer(1, oidcNonceLifeMs) }),
      handle: async ({ address }): Promise<OidcNonce> => {
        nonceAttempts.count(address);
        return { nonce: once.issue(), lifeMs: oidcNonceLifeMs };
      },
    },
    {
      method: "POST",
      path: "/v1/login/oidc",
      operationID: "loginByOidc",
      summary: "Exchanges an ID token of the OIDC issuer for a bearer token.",
      rule: "public",
      body: object({ idToken: text(idTokenMax) }),
      response: loginResponse,
      handle: async (request) => {
        loginAttempts.count(request.address);
        return login((request.body as OidcLoginRequest).idToken, once, options);
      },
    },
  ];
}

async function login(idToken: string, once: OnlyOnce, options: OidcLoginOptions): Promise<LoginResponse> {
  const { issuer, services, tokens, groups } = options;
  const { cliClientID } = issuer.options;
  const principal = await personOfToken(idToken, issuer, cliClientID, services, (claims) => {
    const replay = once.take(idToken, claims);
    if (replay !== undefined) {
      throw new HttpProblem(
        replay === "TooMany" ? 503 : 401,
        replay,
        "this sign-in was used before, or began elsewhere",
        {
          next: "sallyport login --oidc",
        },
      );
    }
  });
  await recordSignIn(services.trail, principal, "OIDC", "API");
  const { token, lifeMs } = tokens.issue(principal);
  return {
    token: token.reveal(),
    expiryTime: new Date(services.clock.now() + lifeMs).toISOString(),
    person: personOf(principal, groups),
  };
}

/**
 * The person whom an ID token proves. `onVerified` may refuse a token that is right. Groups are the Identity Store's: what a token says of
 * them is not read. Throws `HttpProblem`.
 */
export async function personOfToken(
  idToken: string,
  issuer: OidcIssuer,
  clientID: string,
  { clock, directory, log }: Pick<Services, "clock" | "directory" | "log">,
  onVerified: (claims: IDTokenClaims) => void = () => {},
): Promise<Principal> {
  const { keys, config } = await issuer.known();
  const { usernameClaim } = issuer.options;
  const rules = { issuer: config.serverMetadata().issuer, clientID, usernameClaim, keys, nowMs: clock.now() };
  const claims = await verifyIDToken(idToken, rules).catch(() => {
    throw issuerUnavailable();
  });
  if ("refused" in claims) {
    throw new HttpProblem(401, "TokenRefused", "your sign-in at the identity provider could not be verified", {
      why: claims.refused,
      next: "sallyport login --oidc",
    });
  }
  onVerified(claims);
  const principal = await readPerson(claims.userName, directory);
  if (principal === undefined) {
    log.warn("OIDC sign-in refused", { subject: claims.subject, userName: claims.userName });
    throw new HttpProblem(403, "NotIdentified", "you are not one of this installation's people", {
      why: `${claims.userName} is not an enabled user of the Identity Store`,
      next: "Ask whoever operates Sallyport whether --oidc-username-claim is right.",
    });
  }
  return principal;
}
