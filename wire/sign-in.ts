import type { Person } from "./control-api.ts";

/** Where the console lives, below the controller's public address. */
export const consolePath = "/console/";

/** What the console sends with every call (its value is `1`): a page of another site cannot add it without being asked for it first. */
export const csrfHeader = "sallyport-csrf";

/** `POST /v1/console/links` (a bearer token only): signs a browser in without a password, once. */
export interface ConsoleLink {
  /** The console with the code in the fragment, which browsers send to nobody and servers do not log. */
  readonly url: string;
  /** RFC 3339 */
  readonly expiryTime: string;
}

/** `POST /console/session`: takes the code of a link, answers with `BrowserSession` and the cookie. */
export interface RedeemLinkRequest {
  readonly code: string;
}
export interface BrowserSession {
  readonly person: Person;
  /** RFC 3339; the session ends then at the latest. */
  readonly expiryTime: string;
}

/** `POST /console/sign-out`: the session is over. */
export interface SignedOut {
  /** Where the browser ends its session at the OIDC issuer too. Absent: it did not begin there, or the issuer has no such page. */
  readonly url?: string;
}

/** `oidc` of `GET /v1/sign-in`: how the command line signs in where the installation trusts an OIDC issuer. */
export interface OidcSignIn {
  readonly issuer: string;
  readonly clientID: string;
  readonly scopes: string;
}

/** `POST /v1/login/oidc/nonce` (no authorisation): what the ID token must carry, where the flow can bind one. */
export interface OidcNonce {
  readonly nonce: string;
  readonly lifeMs: number;
}

/** `POST /v1/login/oidc`; the answer is that of `POST /v1/login`. */
export interface OidcLoginRequest {
  readonly idToken: string;
}
