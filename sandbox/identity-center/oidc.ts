import { createHash } from "node:crypto";
import type { Context } from "../context.ts";
import { epochSeconds, type Input, optionalText, texts } from "../input.ts";
import { AwsError, type Operation, type Service } from "../service.ts";
import type { AuthorizationCodes } from "./authorization-codes.ts";
import type { DeviceGrants } from "./device-grants.ts";
import { deviceGrantType, type OidcClient, type OidcClients } from "./oidc-clients.ts";
import type { PortalSession, PortalSessions } from "./sessions.ts";

/** What the sign-in API is built from. */
export interface OidcParts {
  readonly sessions: PortalSessions;
  readonly grants: DeviceGrants;
  readonly codes: AuthorizationCodes;
  readonly clients: OidcClients;
}

/** An access token that can be refreshed lives for an hour; one that cannot lives as long as the sign-in may (8 hours). */
export const refreshableTokenMs = 3_600_000;
export const plainTokenMs = 8 * 3_600_000;

/** RFC 7636 4.1. */
const verifierPattern = /^[A-Za-z0-9._~-]{43,128}$/;

/** Identity Center's sign-in API: OAuth 2.0 with dynamic registration, device codes (RFC 8628) and authorization codes with PKCE (RFC 7636). */
export function oidcService(context: Context, parts: OidcParts): Service {
  return {
    signingName: "sso-oauth",
    protocol: "rest-json",
    target: "",
    routes: [
      { method: "POST", path: "/client/register", operation: "RegisterClient" },
      { method: "POST", path: "/device_authorization", operation: "StartDeviceAuthorization" },
      { method: "POST", path: "/token", operation: "CreateToken" },
    ],
    unsigned: ["RegisterClient", "StartDeviceAuthorization", "CreateToken"],
    mutating: ["RegisterClient", "StartDeviceAuthorization", "CreateToken"],
    operations: {
      RegisterClient: registerClient(context, parts.clients),
      StartDeviceAuthorization(input) {
        const { clientID } = requiredClient(context, parts.clients, input);
        requireStartURL(required(input, "startUrl"));
        const grant = parts.grants.start(clientID);
        const page = `${context.url()}/_sandbox/device`;
        return {
          deviceCode: grant.deviceCode,
          userCode: grant.userCode,
          verificationUri: page,
          verificationUriComplete: `${page}?user_code=${grant.userCode}`,
          expiresIn: Math.round((grant.expiresAt - context.clock.now()) / 1000),
          interval: context.delays.devicePollSeconds,
        };
      },
      CreateToken(input) {
        const client = requiredClient(context, parts.clients, input);
        return tokens(parts, client, signIn(context, parts, client, input));
      },
    },
  };
}

/** Grant types that a client may ask for; without any it is one for devices, as before there were others. */
const grantTypesKnown = ["authorization_code", "refresh_token", deviceGrantType];

function registerClient({ url }: Context, clients: OidcClients): Operation {
  return (input) => {
    required(input, "clientName");
    if (required(input, "clientType") !== "public") {
      throw invalidMetadata("Only public clients are supported.");
    }
    const grantTypes = texts(input, "grantTypes");
    const redirectURIs = texts(input, "redirectUris");
    if (grantTypes.some((one) => !grantTypesKnown.includes(one))) {
      throw invalidMetadata("Invalid grant type provided");
    }
    if (grantTypes.includes("authorization_code")) {
      requireStartURL(required(input, "issuerUrl"));
      if (redirectURIs.length === 0) {
        throw oauthError("InvalidRedirectUriException", "invalid_redirect_uri", "A redirect URI is required");
      }
    }
    const client = clients.register({
      scopes: texts(input, "scopes"),
      redirectURIs,
      grantTypes: grantTypes.length === 0 ? [deviceGrantType, "refresh_token"] : grantTypes,
    });
    return {
      clientId: client.clientID,
      clientSecret: client.secret,
      clientIdIssuedAt: Math.floor(epochSeconds(client.issuedAt)),
      clientSecretExpiresAt: Math.floor(epochSeconds(client.expiresAt)),
      authorizationEndpoint: `${url()}/authorize`,
      tokenEndpoint: `${url()}/token`,
    };
  };
}

function requiredClient({ clock }: Context, clients: OidcClients, input: Input): OidcClient {
  const client = clients.find(required(input, "clientId"));
  if (client === undefined || client.secret !== required(input, "clientSecret")) {
    throw oauthError("InvalidClientException", "invalid_client", "Invalid client provided", 401);
  }
  if (client.expiresAt <= clock.now()) {
    throw oauthError("InvalidClientException", "invalid_client", "The client registration has expired", 401);
  }
  return client;
}

/** Decides who signed in, by the grant that the client presents. */
function signIn(context: Context, parts: OidcParts, client: OidcClient, input: Input): PortalSession {
  const { clientID } = client;
  const grantType = required(input, "grantType");
  if (grantTypesKnown.includes(grantType) && !client.grantTypes.includes(grantType)) {
    throw oauthError(
      "UnauthorizedClientException",
      "unauthorized_client",
      "The client did not register this grant type",
    );
  }
  switch (grantType) {
    case deviceGrantType:
      return byDeviceCode(context, parts, clientID, required(input, "deviceCode"));
    case "refresh_token": {
      const session = parts.sessions.refresh(required(input, "refreshToken"), clientID);
      if (session === undefined) {
        throw oauthError("InvalidGrantException", "invalid_grant", "Invalid refresh token provided");
      }
      return session;
    }
    case "authorization_code": {
      const verifier = required(input, "codeVerifier");
      if (!verifierPattern.test(verifier)) {
        throw oauthError("InvalidRequestException", "invalid_request", "Invalid code verifier provided");
      }
      const challenge = createHash("sha256").update(verifier).digest("base64url");
      const userID = parts.codes.redeem(required(input, "code"), {
        clientID,
        redirectURI: required(input, "redirectUri"),
        challenge,
      });
      if (userID === undefined) {
        throw oauthError("InvalidGrantException", "invalid_grant", "Invalid grant provided");
      }
      return parts.sessions.begin(userID);
    }
    default:
      throw oauthError("UnsupportedGrantTypeException", "unsupported_grant_type", "Unsupported grant type");
  }
}

function byDeviceCode(
  context: Context,
  { grants, sessions }: OidcParts,
  clientID: string,
  code: string,
): PortalSession {
  const grant = grants.byDeviceCode(code);
  const now = context.clock.now();
  if (grant === undefined || grant.clientID !== clientID || grant.isUsed) {
    throw oauthError("InvalidGrantException", "invalid_grant", "Invalid device code provided");
  }
  if (grant.expiresAt <= now) {
    throw oauthError("ExpiredTokenException", "expired_token", "Device code expired");
  }
  if (grant.decision === "denied") {
    throw oauthError("AccessDeniedException", "access_denied", "The request was denied");
  }
  if (grant.decision === undefined) {
    const sooner = grant.lastPollAt === undefined ? Infinity : now - grant.lastPollAt;
    grant.lastPollAt = now;
    // A tenth of slack: a client that sleeps exactly the interval must never be told off for its timer's rounding.
    if (sooner < context.delays.devicePollSeconds * 900) {
      throw oauthError("SlowDownException", "slow_down", "Slow down");
    }
    throw oauthError("AuthorizationPendingException", "authorization_pending", "Authorization is still pending");
  }
  grant.isUsed = true;
  return sessions.begin(grant.decision.userID);
}

/** Clients that asked for scopes get a refresh token, as AWS gives to registrations with `sso:account:access`. */
function tokens({ sessions }: OidcParts, client: OidcClient, session: PortalSession): Record<string, unknown> {
  const isRefreshable = client.scopes.length > 0;
  const lifeMs = isRefreshable ? refreshableTokenMs : plainTokenMs;
  return {
    accessToken: sessions.accessToken(session, lifeMs),
    tokenType: "Bearer",
    expiresIn: lifeMs / 1000,
    ...(isRefreshable ? { refreshToken: sessions.refreshToken(session, client.clientID) } : {}),
  };
}

function requireStartURL(startURL: string): void {
  if (!URL.canParse(startURL) || !new URL(startURL).pathname.startsWith("/start")) {
    throw oauthError("InvalidRequestException", "invalid_request", "Invalid startUrl provided");
  }
}

function required(input: Input, name: string): string {
  const value = optionalText(input, name);
  if (value === undefined || value === "") {
    throw oauthError("InvalidRequestException", "invalid_request", `Missing parameter: ${name}`);
  }
  return value;
}

function invalidMetadata(description: string): AwsError {
  return oauthError("InvalidClientMetadataException", "invalid_client_metadata", description);
}

function oauthError(code: string, error: string, description: string, status = 400): AwsError {
  return new AwsError(code, description, status, { error, error_description: description });
}
