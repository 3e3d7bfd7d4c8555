import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  type Configuration,
  discovery,
  initiateDeviceAuthorization,
  None,
  pollDeviceAuthorizationGrant,
  randomPKCECodeVerifier,
  randomState,
  refreshTokenGrant,
  ResponseBodyError,
  tokenRevocation,
} from "openid-client";
import { UserError } from "#lib/errors.ts";
import { Secret } from "#lib/secret.ts";
import type { OidcSignIn } from "#wire/sign-in.ts";
import type { World } from "../../command.ts";
import { type Opener, openAddress } from "../browser.ts";
import { listenOnLoopback } from "../loopback.ts";

const timeoutSeconds = 30;
const callbackPath = "/callback";
/** With it issuers give a refresh token (OpenID Connect Core 11). */
const offlineScope = "offline_access";

/** What the issuer gives. */
export interface IssuerTokens {
  readonly idToken: Secret;
  readonly refreshToken: Secret | undefined;
}

/** Reads what the issuer publishes of itself. */
export async function discoverIssuer({
  issuer,
  clientID,
}: Pick<OidcSignIn, "issuer" | "clientID">): Promise<Configuration> {
  // The controller allows http for an issuer on this machine only, and so do we.
  const { protocol, hostname } = new URL(issuer);
  const isLocal = protocol === "http:" && ["127.0.0.1", "localhost"].includes(hostname);
  try {
    return await discovery(new URL(issuer), clientID, {}, None(), {
      timeout: timeoutSeconds,
      execute: isLocal ? [allowInsecureRequests] : [],
    });
  } catch (error) {
    throw signInFailure(error, issuer);
  }
}

/** Authorization code with PKCE in a browser of this computer. `nonce` is the control API's, and binds the ID token to this sign-in. */
export async function signInByCode(
  config: Configuration,
  signIn: OidcSignIn & { readonly nonce: string },
  opener: Opener,
  world: World,
): Promise<IssuerTokens> {
  try {
    await using loopback = await listenOnLoopback(callbackPath, world);
    const state = randomState();
    const verifier = randomPKCECodeVerifier();
    const address = buildAuthorizationUrl(config, {
      redirect_uri: loopback.redirectURI,
      scope: scopesFor(config, signIn.scopes),
      state,
      nonce: signIn.nonce,
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
    }).href;
    world.output.event("SIGN IN", "Opening your browser. If it does not open, visit:", { verificationURL: address });
    world.output.note(address);
    await openAddress(opener, address, world);
    const answer = await authorizationCodeGrant(config, await loopback.returned(state), {
      expectedState: state,
      expectedNonce: signIn.nonce,
      pkceCodeVerifier: verifier,
      idTokenExpected: true,
    });
    return tokensOf(answer);
  } catch (error) {
    throw signInFailure(error, signIn.issuer);
  }
}

/** Device flow (RFC 8628), where the issuer offers it: a code that is confirmed in any browser. */
export async function signInByIssuerDevice(
  config: Configuration,
  signIn: OidcSignIn,
  world: World,
): Promise<IssuerTokens> {
  if (config.serverMetadata().device_authorization_endpoint === undefined) {
    throw new UserError("NoDeviceFlow", "the identity provider does not offer to sign in by a code", {
      next: "Run it where a browser can be opened, without --device.",
    });
  }
  try {
    const device = await initiateDeviceAuthorization(config, { scope: scopesFor(config, signIn.scopes) });
    const address = device.verification_uri_complete ?? device.verification_uri;
    world.output.event("SIGN IN", `Open ${address} and confirm the code ${device.user_code}`, {
      verificationURL: address,
      userCode: device.user_code,
    });
    return tokensOf(await pollDeviceAuthorizationGrant(config, device, {}, { signal: world.signal }));
  } catch (error) {
    throw world.signal.aborted ? world.signal.reason : signInFailure(error, signIn.issuer);
  }
}

/** The next ID token without a person; undefined where that takes a new sign-in. */
export async function refreshTokens(config: Configuration, refreshToken: Secret): Promise<IssuerTokens | undefined> {
  try {
    const answer = await refreshTokenGrant(config, refreshToken.reveal());
    // An issuer need not give one (OpenID Connect Core 12.2), and a refresh token may be for one use (RFC 6749 6).
    return answer.id_token === undefined
      ? undefined
      : { ...tokensOf(answer), refreshToken: renewedOf(answer, refreshToken) };
  } catch (error) {
    if (error instanceof ResponseBodyError && ["invalid_grant", "invalid_client"].includes(error.error)) {
      return undefined;
    }
    throw signInFailure(error, config.serverMetadata().issuer);
  }
}

/** Makes a refresh token worthless (RFC 7009). False where the issuer does not offer that. */
export async function revokeToken(config: Configuration, refreshToken: Secret): Promise<boolean> {
  if (config.serverMetadata().revocation_endpoint === undefined) {
    return false;
  }
  await tokenRevocation(config, refreshToken.reveal(), { token_type_hint: "refresh_token" });
  return true;
}

interface Answer {
  readonly id_token?: string | undefined;
  readonly refresh_token?: string | undefined;
}

function tokensOf({ id_token, refresh_token }: Answer): IssuerTokens {
  return {
    idToken: new Secret(id_token ?? ""),
    refreshToken: refresh_token === undefined ? undefined : new Secret(refresh_token),
  };
}

function renewedOf({ refresh_token }: Answer, before: Secret): Secret {
  return refresh_token === undefined ? before : new Secret(refresh_token);
}

/** Asks for a refresh token where the issuer knows the scope for it; some refuse what they do not know. */
function scopesFor(config: Configuration, scopes: string): string {
  return config.serverMetadata().scopes_supported?.includes(offlineScope) === true
    ? `${scopes} ${offlineScope}`
    : scopes;
}

function signInFailure(error: unknown, issuer: string): unknown {
  if (error instanceof UserError || !(error instanceof Error) || error.name === "AbortError") {
    return error;
  }
  const { error: code, error_description: description } = error as { error?: unknown; error_description?: unknown };
  if (code === "access_denied") {
    return new UserError("SignInDenied", "the sign-in was refused in the browser", { next: "sallyport login --oidc" });
  }
  if (code === "expired_token") {
    return new UserError("SignInTimedOut", "nobody confirmed the sign-in in time", { next: "sallyport login --oidc" });
  }
  return new UserError("SignInFailed", `signing in at ${issuer} failed`, {
    why: typeof description === "string" ? description : error.message,
    next: "Check the network, then: sallyport login --oidc",
    cause: error,
  });
}
