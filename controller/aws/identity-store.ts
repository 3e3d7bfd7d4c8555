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
import type { SharedReads } from "./shared-reads.ts";

/**
 * How long what was read of one person serves others, in milliseconds. A person asks for several roles at a time, and a person who
 * was disabled this long ago is found at the next look.
 */
const personMaxAgeMs = 5_000;
/** A group's name hardly ever changes, in milliseconds. */
const groupMaxAgeMs = 60_000;

/** What the port is made of. `limiter` is its own, since AWS counts this API apart from sso-admin. */
export interface IdentityStoreParts {
  readonly client: IdentitystoreClient;
  readonly identityStoreID: string;
  readonly limiter: Limiter;
  readonly shared: SharedReads;
}

/** The port over one Identity Store client, which asks AWS once for what many want to know. */
export function identityStorePort(parts: IdentityStoreParts): IdentityStorePort {
  const { identityStoreID, shared } = parts;
  const port = directPort(parts);
  const read = <T>(what: string, maxAgeMs: number, of: string, now: () => Promise<T>): Promise<T> =>
    shared.read(`${identityStoreID} ${what} ${of}`, maxAgeMs, now);
  return {
    getUser: (userID) => read("user", personMaxAgeMs, userID, () => port.getUser(userID)),
    async findUser(userName) {
      const userID = await read("name", personMaxAgeMs, userName, () => port.findUserID(userName));
      const user =
        userID === undefined ? undefined : await read("user", personMaxAgeMs, userID, () => port.getUser(userID));
      // AWS does not say what else than case it overlooks. A name that we would not take for the user's own is nobody's.
      return user?.userName.toLowerCase() === userName.toLowerCase() ? user : undefined;
    },
    groupsOf: (userID) =>
      read("groups", personMaxAgeMs, userID, async () => {
        const names: string[] = [];
        for (const groupID of await port.groupIDsOf(userID)) {
          const name = await read("group", groupMaxAgeMs, groupID, () => port.groupName(groupID));
          if (name !== undefined) {
            names.push(name);
          }
        }
        return names;
      }),
  };
}

/** The calls themselves. */
function directPort({ client, identityStoreID: IdentityStoreId, limiter }: IdentityStoreParts) {
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
    async findUserID(userName: string): Promise<string | undefined> {
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
      return answer?.UserId;
    },
    async groupIDsOf(userID: string): Promise<string[]> {
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
      return memberships.flatMap(({ GroupId }) => (GroupId === undefined ? [] : [GroupId]));
    },
    async groupName(GroupId: string): Promise<string | undefined> {
      await limiter.take("change");
      const group = await callAwsOptional("identitystore:DescribeGroup", () =>
        client.send(new DescribeGroupCommand({ IdentityStoreId, GroupId })),
      );
      return group?.DisplayName;
    },
  };
}
