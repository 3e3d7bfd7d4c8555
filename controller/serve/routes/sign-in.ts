import type { LoginNonce, LoginRequest, LoginResponse, SignInInfo } from "#wire/control-api.ts";
import { permissionSetOfRole } from "#wire/identity.ts";
import { verifyProof } from "#wire/proof.ts";
import { Attempts } from "../auth/attempts.ts";
import { identify } from "../auth/identify.ts";
import { nonceLifeMs, type Nonces } from "../auth/nonces.ts";
import { personOf } from "../auth/person.ts";
import { recordSignIn } from "../auth/record.ts";
import { loginResponse } from "../auth/response.ts";
import type { Tokens } from "../auth/tokens.ts";
import { HttpProblem, type Route } from "../route.ts";
import { identityProof, integer, object, stsEndpoint, text } from "../schemas.ts";
import type { Groups } from "../app.ts";
import type { Services } from "../services.ts";

/**
 * Proofs that are being checked at once. Each is a call to STS of some 50 ms, so this serves more than 1,000 sign-ins a second; a
 * flood of false ones can neither fill this process nor use up the account's share of STS.
 */
export const checkingMax = 64;

/** Signing in: where to, with what, and who one then is. */
export function signInRoutes(services: Services, nonces: Nonces, tokens: Tokens, groups: Groups): Route[] {
  const nonceAttempts = new Attempts(services.clock);
  const loginAttempts = new Attempts(services.clock);
  let checking = 0;
  const loginBounded = async (request: LoginRequest): Promise<LoginResponse> => {
    if (checking >= checkingMax) {
      throw new HttpProblem(503, "TooManySignIns", "too many people are signing in at this moment", {
        next: "Try again in a few seconds.",
      });
    }
    checking += 1;
    try {
      return await login(request, services, nonces, tokens, groups);
    } finally {
      checking -= 1;
    }
  };
  return [
    {
      method: "GET",
      path: "/v1/sign-in",
      operationID: "getSignIn",
      summary: "How a person gets AWS credentials that this installation accepts.",
      rule: "public",
      response: object(
        {
          installation: text(63),
          startURL: text(1024, 0),
          ssoRegion: text(32),
          identityPermissionSet: text(32),
          identityAccountID: text(12, 0),
          oidc: object({ issuer: text(1024), clientID: text(256), scopes: text(256) }),
        },
        ["oidc"],
      ),
      handle: async (): Promise<SignInInfo> => services.signIn(),
    },
    {
      method: "POST",
      path: "/v1/login/nonce",
      operationID: "createLoginNonce",
      summary: "A single-use nonce to sign, and the STS endpoint to sign it for.",
      rule: "public",
      response: object({ nonce: text(64), installation: text(63), sts: stsEndpoint, lifeMs: integer(1, nonceLifeMs) }),
      handle: async ({ address }): Promise<LoginNonce> => {
        nonceAttempts.count(address);
        const { installation, verifier } = services;
        return { nonce: nonces.issue(), installation, sts: verifier.sts, lifeMs: nonceLifeMs };
      },
    },
    {
      method: "POST",
      path: "/v1/login",
      operationID: "login",
      summary: "Exchanges a signed nonce for a bearer token.",
      rule: "public",
      body: object({ nonce: text(64), proof: identityProof }),
      response: loginResponse,
      handle: async (request) => {
        loginAttempts.count(request.address);
        return loginBounded(request.body as LoginRequest);
      },
    },
  ];
}

async function login(
  request: LoginRequest,
  services: Services,
  nonces: Nonces,
  tokens: Tokens,
  groups: Groups,
): Promise<LoginResponse> {
  if (!nonces.redeem(request.nonce)) {
    throw new HttpProblem(401, "NonceUnknown", "the sign-in nonce was not issued here, is over, or was used before", {
      next: "sallyport login",
    });
  }
  const audience = { purpose: "login", installation: services.installation, nonce: request.nonce } as const;
  const proven = await verifyProof(request.proof, audience, services.verifier);
  if ("refused" in proven) {
    const status = proven.refused === "unavailable" ? 503 : 401;
    throw new HttpProblem(status, "ProofRefused", "your AWS identity could not be verified", { why: proven.detail });
  }
  const principal = await identify(proven, services.directory);
  if ("notIdentified" in principal) {
    services.log.warn("sign-in refused", { arn: proven.arn, why: principal.notIdentified });
    throw new HttpProblem(403, "NotIdentified", "your AWS identity is not one of this installation's people", {
      why: principal.notIdentified,
    });
  }
  const isIdentity = permissionSetOfRole(proven.role.roleName) === services.directory.identityPermissionSet;
  await recordSignIn(services.trail, principal, isIdentity ? "Identity" : "Grant", "API");
  const { token, lifeMs } = tokens.issue(principal);
  return {
    token: token.reveal(),
    expiryTime: new Date(services.clock.now() + lifeMs).toISOString(),
    person: personOf(principal, groups),
  };
}
