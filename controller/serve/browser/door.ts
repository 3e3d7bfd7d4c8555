import type { Hono } from "hono";
import type { OidcSignIn } from "#wire/sign-in.ts";
import type { Groups } from "../app.ts";
import { type OidcIssuer, scopes } from "../auth/oidc/issuer.ts";
import { oidcLoginRoutes } from "../auth/oidc/login-routes.ts";
import { readPerson } from "../auth/person.ts";
import type { Tokens } from "../auth/tokens.ts";
import type { Route } from "../route.ts";
import type { Services } from "../services.ts";
import { consoleLinkRoute } from "./link-route.ts";
import { ConsoleLinks } from "./links.ts";
import { issuerSignOut, mountBrowserOidc } from "./oidc.ts";
import { BrowserSessions } from "./sessions.ts";
import { mountBrowserSignIn } from "./sign-in.ts";

/** How browsers get in. */
export interface BrowserDoor {
  readonly sessions: BrowserSessions;
  /** What browsers reach, without a slash at its end. */
  readonly publicURL: string;
  /** Adds the routes below `/console/` by which people sign in and out. */
  mount(app: Hono): void;
}

export interface SignInWaysOptions {
  readonly services: Pick<Services, "clock" | "random" | "directory" | "trail" | "log">;
  readonly tokens: Tokens;
  readonly groups: Groups;
  readonly publicURL: string;
  /** Absent: nobody signs in by OIDC. */
  readonly issuer: OidcIssuer | undefined;
}

/** Ways to sign in besides the identity proof: the door for browsers, and the routes of the control API. */
export interface SignInWays {
  readonly door: BrowserDoor;
  readonly routes: readonly Route[];
  /** What `GET /v1/sign-in` tells of OIDC. */
  readonly oidc: OidcSignIn | undefined;
}

/** Builds them. Calls nobody: the issuer is read when somebody first needs it. */
export function createSignInWays(options: SignInWaysOptions): SignInWays {
  const { services, tokens, publicURL, groups, issuer } = options;
  const { clock, random, directory, trail } = services;
  const person = (userName: string) => readPerson(userName, directory);
  const sessions = new BrowserSessions({ clock, random, readPerson: person });
  const links = new ConsoleLinks(clock, random);
  const signIn = { clock, publicURL, sessions, links, groups, readPerson: person, trail };
  const linkRoute = consoleLinkRoute(links, publicURL, clock);
  const door = {
    sessions,
    publicURL,
    mount(app: Hono) {
      const signOut = issuer === undefined ? {} : { issuerSignOut: issuerSignOut.bind(undefined, issuer) };
      mountBrowserSignIn(app, { ...signIn, ...signOut });
      if (issuer !== undefined) {
        mountBrowserOidc(app, { ...signIn, issuer, services });
      }
    },
  };
  if (issuer === undefined) {
    return { door, routes: [linkRoute], oidc: undefined };
  }
  return {
    door,
    routes: [...oidcLoginRoutes({ issuer, services, tokens, groups }), linkRoute],
    oidc: { issuer: issuer.options.issuer, clientID: issuer.options.cliClientID, scopes },
  };
}
