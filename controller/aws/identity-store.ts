import {
  DescribeGroupCommand,
  DescribeUserCommand,
  GetUserIdCommand,
  ListGroupMembershipsForMemberCommand,
  type IdentitystoreClient,
} from "@aws-sdk/client-identitystore";
import { callAws, callAwsOptional } from "./errors.ts";
import type { Limiter } from "./limiter.ts";
import { pages } from "./paging.ts";
import type { IdentityStorePort, StoreUser } from "./ports.ts";

/** The port over one Identity Store client. `limiter` is its own, since AWS counts this API apart from sso-admin. */
export function identityStorePort(
  client: IdentitystoreClient,
  IdentityStoreId: string,
  limiter: Limiter,
): IdentityStorePort {
  const getUser = async (UserId: string): Promise<StoreUser | undefined> => {
    await limiter.take("change");
    const user = await callAwsOptional("identitystore:DescribeUser", () =>
      client.send(new DescribeUserCommand({ IdentityStoreId, UserId })),
    );
    if (user?.UserId === undefined || user.UserName === undefined) {
      return undefined;
    }
    return {
      userID: user.UserId,
      userName: user.UserName,
      displayName: user.DisplayName ?? user.UserName,
      // Older answers carry no status; a user that cannot be seen to be disabled is enabled.
      status: user.UserStatus === "DISABLED" ? "DISABLED" : "ENABLED",
    };
  };
  return {
    getUser,
    async findUser(userName) {
      await limiter.take("change");
      // ListUsers with a UserName filter is deprecated in favour of this call (Identity Store API reference).
      const answer = await callAwsOptional("identitystore:GetUserId", () =>
        client.send(
          new GetUserIdCommand({
            IdentityStoreId,
            AlternateIdentifier: { UniqueAttribute: { AttributePath: "userName", AttributeValue: userName } },
          }),
        ),
      );
      return answer?.UserId === undefined ? undefined : getUser(answer.UserId);
    },
    async groupsOf(userID) {
      const memberships = await pages(async (NextToken) => {
        await limiter.take("change");
        const answer = await callAws("identitystore:ListGroupMembershipsForMember", () =>
          client.send(
            new ListGroupMembershipsForMemberCommand({
              IdentityStoreId,
              MemberId: { UserId: userID },
              MaxResults: 100,
              ...NextToken,
            }),
          ),
        );
        return { items: answer.GroupMemberships ?? [], next: answer.NextToken };
      });
      const names: string[] = [];
      for (const { GroupId } of memberships) {
        await limiter.take("change");
        const group = await callAwsOptional("identitystore:DescribeGroup", () =>
          client.send(new DescribeGroupCommand({ IdentityStoreId, GroupId })),
        );
        if (group?.DisplayName !== undefined) {
          names.push(group.DisplayName);
        }
      }
      return names;
    },
  };
}
