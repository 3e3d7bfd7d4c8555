import { rmSync } from "node:fs";
import { LogoutCommand, SSOClient } from "@aws-sdk/client-sso";
import { awsHttp } from "#lib/aws-http.ts";
import type { World } from "../command.ts";
import { allTokens, type PortalToken } from "./token-cache.ts";

/**
 * Signs out of the access portal as `aws sso logout` does: its sessions end at AWS, and their tokens are forgotten here, whoever put them
 * there. Gives how many there were. What AWS does not answer is forgotten all the same.
 */
export async function signOutOfPortal(startURL: string, region: string, world: World): Promise<number> {
  const tokens = allTokens(startURL, region, world);
  const client = new SSOClient({ region, requestHandler: awsHttp() });
  try {
    for (const token of tokens) {
      await endAtPortal(client, token, world);
      rmSync(token.file, { force: true });
    }
  } finally {
    client.destroy();
  }
  return tokens.length;
}

async function endAtPortal(client: SSOClient, token: PortalToken, world: World): Promise<void> {
  try {
    await client.send(new LogoutCommand({ accessToken: token.accessToken.reveal() }), { abortSignal: world.signal });
  } catch (error) {
    // A token that is over cannot be used to sign out, and need not be.
    if (!(error instanceof Error) || error.name !== "UnauthorizedException") {
      world.output.note("The AWS access portal did not confirm the end of the session; it ends by itself.");
    }
  }
}
