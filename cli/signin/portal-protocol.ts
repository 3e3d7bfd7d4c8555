import type { CreateTokenCommandOutput } from "@aws-sdk/client-sso-oidc";
import { UserError } from "#lib/errors.ts";
import { Secret } from "#lib/secret.ts";
import type { World } from "../command.ts";
import type { Registration } from "./registration.ts";
import type { PortalToken } from "./token-cache.ts";

/** With it the portal gives a refresh token (AWS SDKs and Tools Reference Guide, `sso_registration_scopes`). */
export const defaultScope = "sso:account:access";
/** What a client for browsers registers, as the `aws` command line's does, so that each can use the other's registration. */
export const codeGrants = ["authorization_code", "refresh_token"] as const;
export const callbackPath = "/oauth/callback";
/** Registered without the port, which is another one each time (RFC 8252 7.3). */
export const redirectURIWithoutPort = `http://127.0.0.1${callbackPath}`;

/** The token of an answer, with what renews it. `file`: where in the cache it goes. */
export function tokenOf(
  answer: CreateTokenCommandOutput,
  registration: Registration | undefined,
  portal: { readonly startURL: string; readonly region: string; readonly file?: string },
  world: World,
): PortalToken {
  const token = {
    ...portal,
    accessToken: new Secret(answer.accessToken ?? ""),
    expiryTime: expiryOf(answer, world),
  };
  if (!answer.refreshToken || registration === undefined) {
    return token;
  }
  return {
    ...token,
    renewal: {
      clientID: registration.clientID,
      clientSecret: registration.clientSecret,
      registrationExpiryTime: registration.expiryTime,
      refreshToken: new Secret(answer.refreshToken),
    },
  };
}

/** When the token of an answer ends. */
export function expiryOf(answer: CreateTokenCommandOutput, world: World): string {
  return new Date(world.clock.now() + (answer.expiresIn ?? 0) * 1_000).toISOString();
}

/** A failed sign-in in words for the person; what stopped the command stays as it is. */
export function signInFailure(error: unknown, startURL: string): unknown {
  if (error instanceof UserError || !(error instanceof Error)) {
    return error;
  }
  switch (error.name) {
    case "ExpiredTokenException":
      return new UserError("SignInTimedOut", "the sign-in code is over", { next: "sallyport login" });
    case "AccessDeniedException":
      return new UserError("SignInDenied", "the sign-in was refused in the browser", { next: "sallyport login" });
    case "AbortError":
      return error;
    default:
      return new UserError("SignInFailed", `signing in to ${startURL} failed`, {
        why: error.message,
        next: "Check the network, then: sallyport login",
        cause: error,
      });
  }
}
