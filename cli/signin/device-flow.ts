import {
  CreateTokenCommand,
  type CreateTokenCommandOutput,
  RegisterClientCommand,
  type RegisterClientCommandOutput,
  SSOOIDCClient,
  StartDeviceAuthorizationCommand,
} from "@aws-sdk/client-sso-oidc";
import { awsHttp } from "#lib/aws-http.ts";
import { pause } from "#lib/clock.ts";
import { UserError } from "#lib/errors.ts";
import { Secret } from "#lib/secret.ts";
import type { World } from "../command.ts";
import { defaultScope, expiryOf, signInFailure, tokenOf } from "./portal-protocol.ts";
import type { Registration } from "./registration.ts";
import type { PortalToken } from "./token-cache.ts";

/** RFC 8628 3.5: `slow_down` adds 5 seconds to the interval for the rest of the flow. */
const slowDownMs = 5_000;
/** RFC 8628 3.2: the interval when the server names none. */
const intervalDefaultMs = 5_000;
/** RFC 8628 3.2 has no default for the life of a code; AWS's is 10 minutes. */
const codeLifeDefaultSeconds = 600;
const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code";

/**
 * Signs a person in to the AWS access portal by the device flow (RFC 8628, sso-oidc): shows a code and an address, and waits
 * until the person approved in a browser.
 */
export async function signInByDevice(startURL: string, region: string, world: World): Promise<PortalToken> {
  const client = new SSOOIDCClient({ region, requestHandler: awsHttp() });
  const options = { abortSignal: world.signal };
  try {
    const registration = await client.send(
      new RegisterClientCommand({ clientName: "sallyport", clientType: "public", scopes: [defaultScope] }),
      options,
    );
    const { clientId, clientSecret } = registration;
    const device = await client.send(
      new StartDeviceAuthorizationCommand({ clientId, clientSecret, startUrl: startURL }),
      options,
    );
    const address = device.verificationUriComplete ?? device.verificationUri ?? "";
    world.output.event("SIGN IN", `Open ${address} and confirm the code ${device.userCode}`, {
      verificationURL: address,
      userCode: device.userCode,
    });
    const endsMs = world.clock.monotonicMs() + (device.expiresIn ?? codeLifeDefaultSeconds) * 1_000;
    let intervalMs = device.interval === undefined ? intervalDefaultMs : device.interval * 1_000;
    while (world.clock.monotonicMs() < endsMs) {
      await pause(world.clock, intervalMs, world.signal);
      const answer = await poll(client, { clientId, clientSecret, deviceCode: device.deviceCode }, world.signal);
      if (typeof answer === "object") {
        return tokenOf(answer, registered(registration), { startURL, region }, world);
      }
      intervalMs += answer === "slow-down" ? slowDownMs : 0;
    }
    throw new UserError("SignInTimedOut", "nobody confirmed the sign-in in time", { next: "sallyport login" });
  } catch (error) {
    throw signInFailure(error, startURL);
  } finally {
    client.destroy();
  }
}

/** Gets the next token without a person (RFC 6749 6); undefined where the sign-in itself is over. */
export async function renewToken(token: PortalToken, world: World): Promise<PortalToken | undefined> {
  const { renewal } = token;
  if (renewal === undefined) {
    return undefined;
  }
  const client = new SSOOIDCClient({ region: token.region, requestHandler: awsHttp() });
  try {
    const answer = await client.send(
      new CreateTokenCommand({
        grantType: "refresh_token",
        clientId: renewal.clientID,
        clientSecret: renewal.clientSecret.reveal(),
        refreshToken: renewal.refreshToken.reveal(),
      }),
      { abortSignal: world.signal },
    );
    return {
      ...token,
      accessToken: new Secret(answer.accessToken ?? ""),
      expiryTime: expiryOf(answer, world),
      // A server may give a new refresh token, and then the old one is over (RFC 6749 6).
      renewal: {
        ...renewal,
        refreshToken: answer.refreshToken ? new Secret(answer.refreshToken) : renewal.refreshToken,
      },
    };
  } catch (error) {
    if (["InvalidGrantException", "InvalidClientException", "ExpiredTokenException"].includes((error as Error).name)) {
      return undefined;
    }
    throw signInFailure(error, token.startURL);
  } finally {
    client.destroy();
  }
}

type Polled = CreateTokenCommandOutput | "pending" | "slow-down";

async function poll(
  client: SSOOIDCClient,
  device: { clientId: string | undefined; clientSecret: string | undefined; deviceCode: string | undefined },
  abortSignal: AbortSignal,
): Promise<Polled> {
  try {
    return await client.send(new CreateTokenCommand({ ...device, grantType: deviceGrant }), { abortSignal });
  } catch (error) {
    const { name } = error as Error;
    if (name === "AuthorizationPendingException") {
      return "pending";
    }
    if (name === "SlowDownException") {
      return "slow-down";
    }
    throw error;
  }
}

function registered(answer: RegisterClientCommandOutput): Registration | undefined {
  const { clientId, clientSecret, clientSecretExpiresAt } = answer;
  return clientId && clientSecret && clientSecretExpiresAt
    ? {
        clientID: clientId,
        clientSecret: new Secret(clientSecret),
        expiryTime: new Date(clientSecretExpiresAt * 1_000).toISOString(),
      }
    : undefined;
}
