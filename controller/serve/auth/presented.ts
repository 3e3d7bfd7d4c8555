import type { CancelTimer } from "#lib/clock.ts";
import { cookieOf, sessionCookie } from "../browser/cookies.ts";
import type { BrowserDoor } from "../browser/door.ts";
import { assertOwnPage } from "../browser/guard.ts";
import type { Principal, Tokens } from "./tokens.ts";

/** What a caller came with, before it is known whether it holds. */
export interface Presented {
  readonly token: string;
  /** It came as a cookie. */
  readonly isBrowser: boolean;
  find(): Promise<Principal | undefined>;
  /** How long the browser's session lasts at most, in milliseconds; absent for a bearer token, undefined when it is over. */
  leftMs?(): number | undefined;
  /** Signs out: what it opened is over. */
  end(): void;
  /** Calls `fire` once when the token must be asked about again. */
  whenOver(fire: () => void): CancelTimer;
}

/**
 * The bearer token, else the cookie of a browser. A cookie counts only on a request that a page of ours sent: throws `HttpProblem` 403
 * otherwise. Undefined when the caller came with neither.
 */
export function presentedBy(headers: Headers, tokens: Tokens, browser: BrowserDoor | undefined): Presented | undefined {
  const bearer = bearerOf(headers);
  if (bearer !== undefined) {
    return {
      token: bearer,
      isBrowser: false,
      find: async () => tokens.find(bearer),
      end: () => tokens.end(bearer),
      whenOver: (fire) => tokens.whenOver(bearer, fire),
    };
  }
  const cookie = browser === undefined ? undefined : cookieOf(headers.get("cookie"), sessionCookie);
  if (browser === undefined || cookie === undefined) {
    return undefined;
  }
  assertOwnPage(headers, browser.publicURL);
  return {
    token: cookie,
    isBrowser: true,
    find: () => browser.sessions.find(cookie),
    end: () => void browser.sessions.end(cookie),
    leftMs: () => browser.sessions.leftMs(cookie),
    whenOver: (fire) => browser.sessions.whenOver(cookie, fire),
  };
}

/** RFC 6750 2.1; the scheme's case does not matter (RFC 9110 11.1). */
function bearerOf(headers: Headers): string | undefined {
  return /^Bearer +(\S+)$/i.exec(headers.get("authorization") ?? "")?.[1];
}
