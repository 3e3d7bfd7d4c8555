import { GetRoleCredentialsCommand, SSOClient } from "@aws-sdk/client-sso";
import { awsHttp } from "#lib/aws-http.ts";
import { pause } from "#lib/clock.ts";
import { UserError } from "#lib/errors.ts";
import type { ProofCredentials } from "#wire/proof.ts";
import type { World } from "../command.ts";
import type { Portal } from "./portal.ts";
import type { PortalToken } from "./token-cache.ts";

/** A fresh assignment reaches the portal within seconds; half a minute of tries covers what was seen, and no more. */
const triesMax = 15;
const tryPauseMs = 2_000;

/** AWS credentials of one permission set in one account, with their end. */
export interface RoleCredentials extends ProofCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: Date;
}

/** Which role of the portal. */
export interface PortalRole {
  readonly accountID: string;
  readonly permissionSet: string;
}

/**
 * Gets the credentials of a permission set from the AWS access portal. A token that the portal does not take any more is replaced
 * once. With `patient` a refusal (403) is tried again for half a minute, since a new assignment takes seconds to get there.
 */
export async function roleCredentials(
  portal: Portal,
  role: PortalRole,
  world: World,
  options: { readonly patient: boolean },
): Promise<RoleCredentials> {
  let token = await portal.token();
  let wasReplaced = false;
  const client = new SSOClient({ region: token.region, requestHandler: awsHttp() });
  try {
    for (let tries = 1; ; tries += 1) {
      try {
        return await fetchOnce(client, token, role, world);
      } catch (error) {
        const { name } = error as Error;
        if (name === "UnauthorizedException" && !wasReplaced) {
          wasReplaced = true;
          portal.refuse(token);
          token = await portal.token();
          continue;
        }
        if (!options.patient || tries >= triesMax || name !== "ForbiddenException") {
          throw toUserError(error, role);
        }
        await pause(world.clock, tryPauseMs, world.signal);
      }
    }
  } finally {
    client.destroy();
  }
}

async function fetchOnce(
  client: SSOClient,
  token: PortalToken,
  role: PortalRole,
  world: World,
): Promise<RoleCredentials> {
  const answer = await client.send(
    new GetRoleCredentialsCommand({
      accessToken: token.accessToken.reveal(),
      accountId: role.accountID,
      roleName: role.permissionSet,
    }),
    { abortSignal: world.signal },
  );
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = answer.roleCredentials ?? {};
  if (!accessKeyId || !secretAccessKey || !sessionToken || !expiration) {
    throw new UserError("CredentialsMissing", "the AWS access portal answered without credentials");
  }
  return { accessKeyId, secretAccessKey, sessionToken, expiration: new Date(expiration) };
}

function toUserError(error: unknown, role: PortalRole): unknown {
  if (!(error instanceof Error) || error instanceof UserError) {
    return error;
  }
  switch (error.name) {
    case "UnauthorizedException":
      return new UserError("SignedOut", "your sign-in to the AWS access portal is over", { next: "sallyport login" });
    case "ForbiddenException":
      return new UserError("NotAssigned", `you do not hold ${role.permissionSet} in AWS account ${role.accountID}`, {
        why: "the AWS access portal refuses credentials for it",
        next: "sallyport grants list",
      });
    case "AbortError":
      return error;
    default:
      return new UserError("PortalFailed", "the AWS access portal gave no credentials", {
        why: error.message,
        next: "Check the network, then: sallyport login",
        cause: error,
      });
  }
}
