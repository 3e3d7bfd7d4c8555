import type { Context, Hono } from "hono";
import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildEndSessionUrl,
  calculatePKCECodeChallenge,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from "openid-client";
import { defined } from "#lib/defined.ts";
import { coerceError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import { Secret } from "#lib/secret.ts";
import { Attempts } from "../auth/attempts.ts";
import { addressOf } from "../auth/network.ts";
import { type OidcIssuer, scopes } from "../auth/oidc/issuer.ts";
import { personOfToken } from "../auth/oidc/login-routes.ts";
import { HttpProblem } from "../route.ts";
import type { Services } from "../services.ts";
import { cookieOf } from "./cookies.ts";
import { assertOwnHost } from "./guard.ts";
import { returnPath } from "./return-path.ts";
import { Seal } from "./seal.ts";
import { type BrowserSignInOptions, signInBrowser } from "./sign-in.ts";

/** A person signs in at the issuer in between, with a second factor that must be found first. */
export const pendingLifeMs = 10 * 60_000;
/** What a browser keeps in between. Lax: the issuer sends the browser back, and a Strict cookie would not come along. */
export const pendingCookie = "__Host-sallyport-signing-in";

/**
 * Longest ID token that is kept with a session, in characters: it names the session when the browser signs out at the issuer, who asks the person
 * without it. Most have one or two kilobytes; 10,000 sessions with the longest are 40 MB.
 */
export const idTokenHintMax = 4_096;

/** A sign-in that is under way, as its browser keeps it, sealed. */
interface Pending {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly returnTo: string;
  /** By the clock that never goes back. */
  readonly endsMs: number;
}

export interface BrowserOidcOptions extends BrowserSignInOptions {
  readonly issuer: OidcIssuer;
  readonly services: Pick<Services, "clock" | "directory" | "log" | "random">;
}

/** Signing a browser in at the OIDC issuer: authorization code with PKCE, state and nonce, all bound to this browser. */
export function mountBrowserOidc(app: Hono, options: BrowserOidcOptions): void {
  const seal = new Seal(options.services.random);
  const { clock, log } = options.services;
  const attempts = { begin: new Attempts(clock), end: new Attempts(clock) };
  app.get("/console/sign-in", (context) =>
    page(context, log, async () => {
      assertOwnHost(context.req.raw.headers, options.publicURL);
      attempts.begin.count(addressOf(context));
      return begin(context, options, seal);
    }),
  );
  app.get("/console/callback", (context) =>
    page(context, log, async () => {
      assertOwnHost(context.req.raw.headers, options.publicURL);
      attempts.end.count(addressOf(context));
      context.header("set-cookie", `${pendingCookie}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0`);
      return end(context, options, seal);
    }),
  );
}

const redirectURI = (publicURL: string): string => `${publicURL}/console/callback`;

async function begin(context: Context, options: BrowserOidcOptions, seal: Seal): Promise<Response> {
  const { publicURL, issuer, services } = options;
  const { config } = await issuer.known();
  const pending: Pending = {
    state: randomState(),
    nonce: randomNonce(),
    verifier: randomPKCECodeVerifier(),
    returnTo: returnPath(context.req.query("return"), publicURL),
    endsMs: services.clock.monotonicMs() + pendingLifeMs,
  };
  const target = buildAuthorizationUrl(config, {
    redirect_uri: redirectURI(publicURL),
    scope: scopes,
    state: pending.state,
    nonce: pending.nonce,
    code_challenge: await calculatePKCECodeChallenge(pending.verifier),
    code_challenge_method: "S256",
  });
  const attributes = `Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${pendingLifeMs / 1_000}`;
  context.header("set-cookie", `${pendingCookie}=${seal.close(pending)}; ${attributes}`);
  return context.redirect(target.href, 303);
}

async function end(context: Context, options: BrowserOidcOptions, seal: Seal): Promise<Response> {
  const { publicURL, issuer, services } = options;
  const pending = seal.open(cookieOf(context.req.header("cookie"), pendingCookie) ?? "") as Pending | undefined;
  if (pending === undefined || pending.endsMs < services.clock.monotonicMs()) {
    throw new HttpProblem(401, "NoSignIn", "this browser has not begun to sign in, or took too long");
  }
  const { config } = await issuer.known();
  // Our own address, not what the request says of it; what the issuer added is all that counts.
  const current = new URL(`${redirectURI(publicURL)}${new URL(context.req.url).search}`);
  const answer = await authorizationCodeGrant(config, current, {
    expectedState: pending.state,
    expectedNonce: pending.nonce,
    pkceCodeVerifier: pending.verifier,
    idTokenExpected: true,
  }).catch((error: unknown) => {
    services.log.warn("OIDC sign-in of a browser refused", { error: coerceError(error) });
    throw new HttpProblem(401, "SignInRefused", "the identity provider's answer is not for this browser, or says no");
  });
  const principal = await personOfToken(answer.id_token ?? "", issuer, issuer.options.clientID, services);
  await signInBrowser(context, principal, "OIDC", options, { issuer: { idToken: keptHint(answer.id_token) } });
  return context.redirect(pending.returnTo, 303);
}

function keptHint(idToken: string | undefined): Secret | undefined {
  return idToken === undefined || idToken.length > idTokenHintMax ? undefined : new Secret(idToken);
}

/**
 * Where a browser ends its session at the issuer (OpenID Connect RP-Initiated Logout 1.0). The issuer shows its own page afterwards: an address of
 * ours to come back to would have to be registered with it, or it would refuse. Undefined where it has none, or does not answer.
 */
export async function issuerSignOut(issuer: OidcIssuer, idToken: Secret | undefined): Promise<string | undefined> {
  const known = await issuer.known().catch(() => undefined);
  if (known?.config.serverMetadata().end_session_endpoint === undefined) {
    return undefined;
  }
  const url = buildEndSessionUrl(known.config, defined({ id_token_hint: idToken?.reveal() }));
  // What leads anywhere else than to a page is none.
  return ["https:", "http:"].includes(url.protocol) ? url.href : undefined;
}

/** A person looks at these answers, not a program: what went wrong is shown as text, with where to try again. */
async function page(context: Context, log: Log, answer: () => Promise<Response>): Promise<Response> {
  context.header("referrer-policy", "no-referrer");
  context.header("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
  try {
    return await answer();
  } catch (error) {
    if (!(error instanceof HttpProblem)) {
      log.error("signing a browser in failed", { error: coerceError(error) });
    }
    const { status, body } =
      error instanceof HttpProblem ? error : new HttpProblem(500, "Internal", "the controller failed to sign you in");
    const { message, why } = body.error;
    return context.text(
      `You are not signed in: ${message}${why ? ` (${why})` : ""}.\n\nTry again: /console/\n`,
      status,
    );
  }
}
