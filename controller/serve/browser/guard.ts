import { csrfHeader } from "#wire/sign-in.ts";
import { HttpProblem } from "../route.ts";

/**
 * Refuses what did not come to our own address: a name that somebody points at this server (DNS rebinding) makes a browser take its
 * pages and ours for one site. `publicURL` is what browsers reach.
 */
export function assertOwnHost(headers: Headers, publicURL: string): void {
  if (headers.get("host")?.toLowerCase() !== new URL(publicURL).host) {
    throw new HttpProblem(403, "WrongHost", "this is not the address of this Sallyport", { next: `Open ${publicURL}` });
  }
}

/**
 * Refuses what a page of ours did not send. A cookie goes along with what other pages start; what cannot be forged is what the browser
 * itself says (Fetch Metadata, W3C), and a header that other sites' pages may not set. All of it must be right; a browser that says
 * nothing is refused.
 */
export function assertOwnPage(headers: Headers, publicURL: string): void {
  assertOwnHost(headers, publicURL);
  const origin = headers.get("origin");
  const isOwn =
    headers.get("sec-fetch-site") === "same-origin" &&
    headers.get(csrfHeader) === "1" &&
    (origin === null || origin === new URL(publicURL).origin);
  if (!isOwn) {
    throw new HttpProblem(403, "CrossSite", "this request does not come from a page of the console", {
      why: `it takes the header ${csrfHeader} and a browser that says where the request comes from`,
    });
  }
}
