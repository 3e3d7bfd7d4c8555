import { accountID, roleIDs, taskID } from "./grants.ts";

/**
 * Plays STS for both sides, so that the identity proofs of the link and of the handshake go their whole way without a network: who
 * signs is not measured here.
 */
export function identityStub(who: "task" | "person", session: string): typeof globalThis.fetch {
  const name = who === "task" ? "sallyport-proxy-task" : `AWSReservedSSO_${session}_0123456789abcdef`;
  const sessionName = who === "task" ? taskID : "ada";
  const GetCallerIdentityResult = {
    Account: accountID,
    Arn: `arn:aws:sts::${accountID}:assumed-role/${name}/${sessionName}`,
    UserId: `${roleIDs[who]}:${sessionName}`,
  };
  return async () => Response.json({ GetCallerIdentityResponse: { GetCallerIdentityResult } });
}
