import type { Clock } from "#lib/clock.ts";
import { type ConsoleLink, consolePath } from "#wire/sign-in.ts";
import { callerOf, HttpProblem, type Route } from "../route.ts";
import { instant, object, text } from "../schemas.ts";
import type { ConsoleLinks } from "./links.ts";

/** `POST /v1/console/links`. */
export function consoleLinkRoute(links: ConsoleLinks, publicURL: string, clock: Clock): Route {
  return {
    method: "POST",
    path: "/v1/console/links",
    operationID: "createConsoleLink",
    summary: "A link that signs a browser in as the caller: once, and within a minute. Takes a bearer token.",
    rule: "person",
    response: object({ url: text(1024), expiryTime: instant }),
    handle: async (request): Promise<ConsoleLink> => {
      const caller = callerOf(request);
      if (caller.isBrowser === true) {
        // A browser's session would otherwise live on in the next one for as long as anybody likes.
        throw new HttpProblem(403, "BrowserMayNot", "a browser cannot make links to sign in", {
          next: "sallyport console",
        });
      }
      const { userName, userID, displayName, groups } = caller;
      const { code, lifeMs } = links.issue({ userName, userID, displayName, groups });
      return {
        url: `${publicURL}${consolePath}#code=${code.reveal()}`,
        expiryTime: new Date(clock.now() + lifeMs).toISOString(),
      };
    },
  };
}
