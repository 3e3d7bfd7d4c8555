import { DescribeUserCommand, GetUserIdCommand, type IdentitystoreClient } from "@aws-sdk/client-identitystore";
import { expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { identityStorePort } from "./identity-store.ts";
import type { Limiter } from "./limiter.ts";
import { createSharedReads } from "./shared-reads.ts";

/** A store that finds its one user by any name, as one that overlooks more than case would. */
const client = {
  async send(command: unknown) {
    return command instanceof GetUserIdCommand
      ? { UserId: "u-jose" }
      : command instanceof DescribeUserCommand
        ? { UserId: "u-jose", UserName: "jos\u00e9" }
        : {};
  },
} as unknown as IdentitystoreClient;

it.each([
  ["in another case", "JOS\u00c9", true],
  ["with the accent as a character of its own", "jose\u0301", false],
  ["without the accent", "jose", false],
  ["with a space behind it", "jos\u00e9 ", false],
])("a user who is asked for by their name %s is found or not, whatever AWS says", async (_, name, isFound) => {
  const limiter = { take: async () => {} } as unknown as Limiter;
  const shared = createSharedReads(manualClock());
  const port = identityStorePort({ client, identityStoreID: "d-1", limiter, shared });

  const user = await port.findUser(name);

  expect(user?.userID).toBe(isFound ? "u-jose" : undefined);
});
