import { DescribeSessionsCommand, TerminateSessionCommand, type SSMClient } from "@aws-sdk/client-ssm";
import { callAws, callAwsOptional } from "./errors.ts";
import { pages } from "./paging.ts";
import type { AccountPort } from "./ports.ts";

/** The SSM calls of the account port. */
export function ssmCalls(client: SSMClient): Pick<AccountPort, "terminateSessions"> {
  return {
    async terminateSessions({ userName, permissionSetName }) {
      // Owner is an exact filter and the role's name ends in 16 unknown digits, so all active sessions are looked through.
      const sessions = await pages(async (NextToken) => {
        const answer = await callAws("ssm:DescribeSessions", () =>
          client.send(new DescribeSessionsCommand({ State: "Active", MaxResults: 200, ...NextToken })),
        );
        return { items: answer.Sessions ?? [], next: answer.NextToken };
      });
      const ended: string[] = [];
      for (const { SessionId, Owner } of sessions) {
        if (SessionId !== undefined && isOwner(Owner ?? "", permissionSetName, userName)) {
          await callAwsOptional("ssm:TerminateSession", () => client.send(new TerminateSessionCommand({ SessionId })));
          ended.push(SessionId);
        }
      }
      return ended;
    },
  };
}

/** Owner is the caller's ARN: `arn:aws:sts::<account>:assumed-role/AWSReservedSSO_<permission set>_<16 hex>/<user name>`. */
export function isOwner(owner: string, permissionSetName: string, userName: string): boolean {
  const [, role, session] = /^arn:aws[a-z-]*:sts::\d{12}:assumed-role\/([^/]+)\/(.+)$/.exec(owner) ?? [];
  const prefix = `AWSReservedSSO_${permissionSetName}_`;
  return session === userName && role?.startsWith(prefix) === true && /^[0-9a-f]{16}$/.test(role.slice(prefix.length));
}
