import {
  CreateTokenCommand,
  RegisterClientCommand,
  SSOOIDCClient,
  StartDeviceAuthorizationCommand,
} from "@aws-sdk/client-sso-oidc";
import { pause } from "#lib/clock.ts";
import { UserError } from "#lib/errors.ts";
import { Secret } from "#lib/secret.ts";
import type { World } from "../command.ts";
import { type PortalToken, storeToken } from "./token-cache.ts";

/** RFC 8628 3.5: `slow_down` adds 5 seconds to the interval for the rest of the flow. */
const slowDownMs = 5_000;
/** RFC 8628 3.2: the interval when the server names none. */
const intervalDefaultMs = 5_000;
const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code";

/**
 * Signs a person in to the AWS access portal by the device flow (RFC 8628, sso-oidc): shows a code and an address, waits
 * until the person approved in a browser, and caches the token where the `aws` command line finds it.
 */
export async function signInByDevice(startURL: string, region: string, world: World): Promise<PortalToken> {
  const client = new SSOOIDCClient({ region });
  try {
    const registration = await client.send(
      new RegisterClientCommand({ clientName: "sallyport", clientType: "public", scopes: ["sso:account:access"] }),
    );
    const { clientId, clientSecret } = registration;
    const device = await client.send(
      new StartDeviceAuthorizationCommand({ clientId, clientSecret, startUrl: startURL }),
    );
    world.output.event("SIGN IN", `Open ${device.verificationUriComplete} and confirm the code ${device.userCode}`, {
      verificationURL: device.verificationUriComplete,
      userCode: device.userCode,
    });
    const endsMs = world.clock.monotonicMs() + (device.expiresIn ?? 600) * 1_000;
    let intervalMs = device.interval === undefined ? intervalDefaultMs : device.interval * 1_000;
    while (world.clock.monotonicMs() < endsMs) {
      await pause(world.clock, intervalMs, world.signal);
      const answer = await poll(client, { clientId, clientSecret, deviceCode: device.deviceCode });
      if (answer === "pending") {
        continue;
      }
      if (answer === "slow-down") {
        intervalMs += slowDownMs;
        continue;
      }
      const token: PortalToken = {
        startURL,
        region,
        accessToken: answer.accessToken,
        expiryTime: new Date(world.clock.now() + answer.lifeSeconds * 1_000).toISOString(),
      };
      storeToken(token, world);
      return token;
    }
    throw new UserError("SignInTimedOut", "nobody confirmed the sign-in in time", { next: "sallyport login" });
  } catch (error) {
    throw toUserError(error, startURL);
  } finally {
    client.destroy();
  }
}

async function poll(
  client: SSOOIDCClient,
  device: { clientId: string | undefined; clientSecret: string | undefined; deviceCode: string | undefined },
): Promise<"pending" | "slow-down" | { accessToken: Secret; lifeSeconds: number }> {
  try {
    const token = await client.send(new CreateTokenCommand({ ...device, grantType: deviceGrant }));
    return { accessToken: new Secret(token.accessToken ?? ""), lifeSeconds: token.expiresIn ?? 0 };
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

function toUserError(error: unknown, startURL: string): unknown {
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
