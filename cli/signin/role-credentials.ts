import { GetRoleCredentialsCommand, SSOClient } from "@aws-sdk/client-sso";
import { pause } from "#lib/clock.ts";
import { UserError } from "#lib/errors.ts";
import type { ProofCredentials } from "#wire/proof.ts";
import type { World } from "../command.ts";
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

/**
 * Gets the credentials of a permission set from the AWS access portal. With `patient` a refusal (403) is tried again for
 * half a minute, since a new assignment takes seconds to get there.
 */
export async function roleCredentials(
  token: PortalToken,
  role: { readonly accountID: string; readonly permissionSet: string },
  world: World,
  options: { readonly patient: boolean },
): Promise<RoleCredentials> {
  const client = new SSOClient({ region: token.region });
  try {
    for (let tries = 1; ; tries += 1) {
      try {
        return await fetchOnce(client, token, role);
      } catch (error) {
        if (!options.patient || tries >= triesMax || (error as Error).name !== "ForbiddenException") {
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
  role: { readonly accountID: string; readonly permissionSet: string },
): Promise<RoleCredentials> {
  const answer = await client.send(
    new GetRoleCredentialsCommand({
      accessToken: token.accessToken.reveal(),
      accountId: role.accountID,
      roleName: role.permissionSet,
    }),
  );
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = answer.roleCredentials ?? {};
  if (!accessKeyId || !secretAccessKey || !sessionToken || !expiration) {
    throw new UserError("CredentialsMissing", "the AWS access portal answered without credentials");
  }
  return { accessKeyId, secretAccessKey, sessionToken, expiration: new Date(expiration) };
}

function toUserError(error: unknown, role: { readonly accountID: string; readonly permissionSet: string }): unknown {
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
