import { describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import type { AccountRef, AwsPorts } from "../aws/ports.ts";
import { aProxy, memorySource, place } from "../reconcile/testing.ts";
import { createDirectory } from "./directory.ts";

/** A directory whose IAM answers `role` and notes which account it was asked in. */
function stand(objects = [aProxy()], identityAccount?: string, identityStore?: string) {
  const clock = manualClock();
  const asked: AccountRef[] = [];
  const iam: { role: { roleName: string; roleID: string } | undefined } = {
    role: { roleName: "AWSReservedSSO_sallyport_0", roleID: "AROA1" },
  };
  const ports = {
    account: (at: AccountRef) => ({
      findReservedRole: async () => {
        asked.push(at);
        return iam.role;
      },
    }),
    identityStore: () => ({ findUser: async () => undefined, groupsOf: async () => ["developers"] }),
  } as unknown as AwsPorts;
  const options = {
    source: memorySource(objects),
    ports,
    clock,
    identityPermissionSet: "sallyport",
    identityAccount,
    identityStore,
  };
  return { directory: createDirectory(options), clock, asked, iam };
}

describe("who people are", () => {
  it("is read in the accounts of the Proxies and of the identity permission set, and in no other", async () => {
    const { directory, asked } = stand([aProxy()], "222233334444");

    expect([...directory.accounts()].sort()).toEqual([place.accountID, "222233334444"]);
    await directory.identityRoleID(place.accountID);
    await directory.identityRoleID("222233334444");
    expect(await directory.identityRoleID("999988887777")).toBeUndefined();

    expect(asked.map((at) => at.accountID)).toEqual([place.accountID, "222233334444"]);
  });

  it("believes a role id for a minute, and asks again at once while there is none", async () => {
    const { directory, clock, asked, iam } = stand();
    iam.role = undefined;
    expect(await directory.identityRoleID(place.accountID)).toBeUndefined();
    iam.role = { roleName: "r", roleID: "AROA2" };
    expect(await directory.identityRoleID(place.accountID)).toBe("AROA2");
    iam.role = { roleName: "r", roleID: "AROA3" };

    clock.advance(59_999);
    expect(await directory.identityRoleID(place.accountID)).toBe("AROA2");
    clock.advance(1);
    expect(await directory.identityRoleID(place.accountID)).toBe("AROA3");
    expect(asked).toHaveLength(3);
  });

  it("cannot be said before there is a Proxy, which is a passing refusal and no defect", () => {
    const { directory } = stand([]);

    expect(directory.identityAccountID()).toBe("");
    expect(() => directory.findUser("ada")).toThrow(expect.objectContaining({ status: 503 }));
  });

  it("cannot be said where Proxies name several Identity Stores, until one is named; the other's accounts prove nobody", async () => {
    const identityCenter = { ...aProxy().spec.identityCenter, identityStoreID: "d-fedcba9876", region: "us-east-1" };
    const ecs = { ...aProxy().spec.ecs, accountID: "444455556666" };
    const other = aProxy({ metadata: { name: "other" }, spec: { ecs, identityCenter } });
    const { directory: unclear } = stand([aProxy(), other]);
    const { directory, asked } = stand([aProxy(), other], undefined, "d-fedcba9876");

    for (const ask of [() => unclear.findUser("ada"), () => unclear.accounts(), () => unclear.ssoRegion()]) {
      expect(ask).toThrow(
        expect.objectContaining({
          status: 503,
          body: { error: expect.objectContaining({ code: "SeveralIdentityCenters" }) },
        }),
      );
    }
    expect([...directory.accounts()]).toEqual(["444455556666"]);
    expect([directory.identityAccountID(), directory.ssoRegion()]).toEqual(["444455556666", "us-east-1"]);
    expect(await directory.identityRoleID(place.accountID)).toBeUndefined();
    expect(asked).toEqual([]);
  });
});
