import type { Context, Hono } from "hono";
import type { Trail } from "#audit/event/trail.ts";
import type { Clock } from "#lib/clock.ts";
import { defined } from "#lib/defined.ts";
import type { Secret } from "#lib/secret.ts";
import type { BrowserSession, SignedOut } from "#wire/sign-in.ts";
import type { Groups } from "../app.ts";
import { Attempts } from "../auth/attempts.ts";
import { addressOf } from "../auth/network.ts";
import { personOf } from "../auth/person.ts";
import { recordSignIn } from "../auth/record.ts";
import type { Principal } from "../auth/tokens.ts";
import { HttpProblem } from "../route.ts";
import { readJSON } from "../body.ts";
import { cookieOf, endedSessionCookie, sessionCookie, sessionCookieOf } from "./cookies.ts";
import { assertOwnPage } from "./guard.ts";
import type { ConsoleLinks } from "./links.ts";
import type { BrowserSessions, SessionOrigin } from "./sessions.ts";

/** A code is 43 characters; the rest is JSON. */
const bodyBytesMax = 1024;

export interface BrowserSignInOptions {
  readonly clock: Clock;
  readonly publicURL: string;
  readonly sessions: BrowserSessions;
  readonly links: ConsoleLinks;
  readonly groups: Groups;
  /** Reads who a link is for; undefined when they may not be signed in any more. */
  readonly readPerson: (userName: string) => Promise<Principal | undefined>;
  readonly trail: Trail;
  /** Where a browser goes to end its session at the issuer as well; undefined where the issuer does not say. Absent: there is no issuer. */
  readonly issuerSignOut?: (idToken: Secret | undefined) => Promise<string | undefined>;
}

/** Signing a browser in by a one-time link, and out. */
export function mountBrowserSignIn(app: Hono, options: BrowserSignInOptions): void {
  const attempts = new Attempts(options.clock);
  app.post("/console/session", async (context) => {
    assertOwnPage(context.req.raw.headers, options.publicURL);
    attempts.count(addressOf(context));
    return redeem(context, options);
  });
  app.post("/console/sign-out", async (context) => {
    assertOwnPage(context.req.raw.headers, options.publicURL);
    const token = cookieOf(context.req.header("cookie"), sessionCookie);
    const origin = token === undefined ? undefined : options.sessions.end(token);
    context.header("set-cookie", endedSessionCookie);
    const url = origin?.issuer === undefined ? undefined : await options.issuerSignOut?.(origin.issuer.idToken);
    return context.json({ ...defined({ url }) } satisfies SignedOut);
  });
}

async function redeem(context: Context, options: BrowserSignInOptions): Promise<Response> {
  const body = await readJSON(context, bodyBytesMax);
  const code = typeof body === "object" && body !== null && "code" in body ? body.code : undefined;
  const holder = typeof code === "string" ? options.links.redeem(code) : undefined;
  // What the link's token said of the person may be a quarter of an hour old; the session begins with what is so now.
  const principal = holder === undefined ? undefined : await options.readPerson(holder.userName);
  if (principal === undefined || principal.userID !== holder?.userID) {
    throw new HttpProblem(401, "LinkUnknown", "this link was not made here, is over, or was used before", {
      next: "sallyport console",
    });
  }
  const before = cookieOf(context.req.header("cookie"), sessionCookie);
  const signedIn = before === undefined ? undefined : await options.sessions.find(before);
  // Whoever sends somebody else their own link would have them work under a wrong name, unnoticed.
  if (signedIn !== undefined && signedIn.userID !== principal.userID) {
    throw new HttpProblem(409, "SignedInAlready", `this browser is signed in as ${signedIn.userName}`, {
      why: `the link is of ${principal.userName}`,
      next: "Sign out first, then: sallyport console",
    });
  }
  return context.json(await signInBrowser(context, principal, "Link", options));
}

/** Begins a session of the browser, which ends the one that it had. Records it first: what cannot be recorded does not happen. */
export async function signInBrowser(
  context: Context,
  principal: Principal,
  how: "Link" | "OIDC",
  options: Pick<BrowserSignInOptions, "clock" | "sessions" | "groups" | "trail">,
  origin: SessionOrigin = {},
): Promise<BrowserSession> {
  await recordSignIn(options.trail, principal, how, "Console");
  const before = cookieOf(context.req.header("cookie"), sessionCookie);
  if (before !== undefined) {
    options.sessions.end(before);
  }
  const { token, lifeMs } = options.sessions.start(principal, origin);
  context.header("set-cookie", sessionCookieOf(token.reveal()), { append: true });
  return {
    person: personOf(principal, options.groups),
    expiryTime: new Date(options.clock.now() + lifeMs).toISOString(),
  };
}
