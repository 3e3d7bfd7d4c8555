import { audienceHeader } from "#wire/proof.ts";
import { accountID, personName, roleIDs, taskID } from "./grants.ts";

/**
 * Plays STS, so that the identity proofs of the link and of the handshake go their whole way without a network. A person is believed
 * to hold the role of the very grant that the proof is for: who signs is not measured here.
 */
export function identityStub(who: "task" | "person"): typeof globalThis.fetch {
  return async (_, request) => {
    const audience = new Headers(request?.headers).get(audienceHeader) ?? "";
    const grantID = /grantID=(\w+)/.exec(audience)?.[1] ?? "";
    const roleName = who === "task" ? "sallyport-proxy-task" : `AWSReservedSSO_${grantID}_0123456789abcdef`;
    const sessionName = who === "task" ? taskID : personName;
    const GetCallerIdentityResult = {
      Account: accountID,
      Arn: `arn:aws:sts::${accountID}:assumed-role/${roleName}/${sessionName}`,
      UserId: `${roleIDs[who]}:${sessionName}`,
    };
    return Response.json({ GetCallerIdentityResponse: { GetCallerIdentityResult } });
  };
}
