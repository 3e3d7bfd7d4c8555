import type { Hono } from "hono";
import type { Groups } from "../app.ts";
import { readPerson } from "../auth/person.ts";
import type { Route } from "../route.ts";
import type { Services } from "../services.ts";
import { consoleLinkRoute } from "./link-route.ts";
import { ConsoleLinks } from "./links.ts";
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

export interface BrowserDoorOptions {
  readonly services: Pick<Services, "clock" | "random" | "directory" | "trail">;
  readonly publicURL: string;
  readonly groups: Groups;
}

/** The door for browsers, and the routes of the control API that belong to it. */
export function createBrowserDoor(options: BrowserDoorOptions): { door: BrowserDoor; routes: readonly Route[] } {
  const { services, publicURL, groups } = options;
  const { clock, random, directory, trail } = services;
  const person = (userName: string) => readPerson(userName, directory);
  const sessions = new BrowserSessions({ clock, random, readPerson: person });
  const links = new ConsoleLinks(clock, random);
  return {
    door: {
      sessions,
      publicURL,
      mount: (app) => mountBrowserSignIn(app, { clock, publicURL, sessions, links, groups, readPerson: person, trail }),
    },
    routes: [consoleLinkRoute(links, publicURL, clock)],
  };
}
