import type { ComponentType } from "preact";
import type { Person } from "#wire/control-api.ts";
import { matchPath, type PathParts } from "./router/match.ts";
import { DatabasesPage } from "./pages/databases-page.tsx";
import { FleetPage } from "./pages/fleet-page.tsx";
import { GrantPage } from "./pages/grant-page.tsx";
import { RequestPage } from "./pages/request-page.tsx";
import { RequestsPage } from "./pages/requests-page.tsx";
import { ReviewsPage } from "./pages/reviews-page.tsx";
import { SlackLinkPage } from "./pages/slack-link-page.tsx";
import { lazyPage } from "./router/lazy-page.tsx";
import type { IconName } from "./ui/icon.tsx";

/** What a page is given: the `:name` parts of its path. */
export interface PageProps {
  readonly parts: PathParts;
}

/** One page of the console. */
export interface Place {
  /** Pattern below the base, such as `/grants/:grantID`. */
  readonly pattern: string;
  /** Of the window and of the navigation. */
  readonly title: string;
  /** In the navigation; absent: reached from elsewhere. */
  readonly icon?: IconName;
  /** Key that leads there after `g`. */
  readonly key?: string;
  /** Who has use of it; absent: everybody. Pages are no boundary: the control API refuses by itself. */
  readonly role?: "auditor" | "administrator";
  readonly Page: ComponentType<PageProps>;
}

const SearchPage = lazyPage<PageProps>(() => import("./live/search-page.tsx").then((module) => module.SearchPage));
const SessionPage = lazyPage<PageProps>(() => import("./live/session-page.tsx").then((module) => module.SessionPage));

/** All pages, in the order of the navigation. */
export const places: readonly Place[] = [
  { pattern: "/", title: "Databases", icon: "database", key: "d", Page: DatabasesPage },
  { pattern: "/requests", title: "My requests", icon: "requests", key: "r", Page: RequestsPage },
  { pattern: "/reviews", title: "Reviews", icon: "review", key: "v", Page: ReviewsPage },
  { pattern: "/audit", title: "Audit", icon: "search", key: "a", Page: SearchPage },
  { pattern: "/fleet", title: "Fleet", icon: "fleet", key: "f", role: "administrator", Page: FleetPage },
  { pattern: "/request/:namespace/:database/:role", title: "Request access", Page: RequestPage },
  { pattern: "/grants/:grantID", title: "Grant", Page: GrantPage },
  { pattern: "/slack-link", title: "Link your Slack account", Page: SlackLinkPage },
  { pattern: "/sessions/:session", title: "Session", Page: SessionPage },
];

/** The page of a path with its parts; undefined: there is none. */
export function placeOf(path: string): { readonly place: Place; readonly parts: PathParts } | undefined {
  for (const place of places) {
    const parts = matchPath(place.pattern, path);
    if (parts !== undefined) {
      return { place, parts };
    }
  }
  return undefined;
}

/** Whether a person has use of a place. */
export function isFor(person: Person, { role }: Place): boolean {
  return role === undefined || person.roles.includes(role) || person.roles.includes("administrator");
}
