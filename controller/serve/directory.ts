import type { Proxy } from "#kinds/index.ts";
import type { Clock } from "#lib/clock.ts";
import { defined } from "#lib/defined.ts";
import type { AccountPort, AwsPorts, IdentityStorePort } from "../aws/ports.ts";
import type { Source } from "../source/source.ts";
import type { IdentityDirectory } from "./auth/identify.ts";
import { HttpProblem } from "./route.ts";
import { findGrant } from "../source/grant-by-id.ts";

/** How long the identity permission set's role id is believed. It changes only when the set is removed from the account. */
const roleLifeMs = 60_000;

export interface DirectoryOptions {
  readonly source: Source;
  readonly ports: AwsPorts;
  readonly clock: Clock;
  readonly identityPermissionSet: string;
  /** Absent: the account of the first Proxy. */
  readonly identityAccount: string | undefined;
}

/** Answers who people are from the Identity Store and IAM of the installation's Proxies. */
export function createDirectory(options: DirectoryOptions): IdentityDirectory & { identityAccountID(): string } {
  const { source, ports, clock, identityPermissionSet } = options;
  const roles = new Map<string, { roleID: string | undefined; readMs: number }>();
  const proxies = (): Proxy[] => source.list("Proxy").map((stored) => stored.object);
  const identityAccountID = (): string => options.identityAccount ?? proxies()[0]?.spec.ecs.accountID ?? "";
  const store = (): IdentityStorePort => {
    const center = proxies()[0]?.spec.identityCenter;
    if (center === undefined) {
      throw new HttpProblem(
        503,
        "NoIdentityCenter",
        "this installation has no Proxy yet, so it knows no Identity Center",
        {
          next: "Apply a Proxy first.",
        },
      );
    }
    return ports.identityStore({ identityStoreID: center.identityStoreID, region: center.region });
  };
  const accountAt = (accountID: string): AccountPort | undefined => {
    const proxy = proxies().find((candidate) => candidate.spec.ecs.accountID === accountID);
    if (proxy !== undefined) {
      return accountOf(ports, proxy);
    }
    // An identity account that no Proxy runs in is read with the controller's own credentials. IAM is the same in every region.
    const region = proxies()[0]?.spec.ecs.region;
    return accountID === identityAccountID() && region !== undefined ? ports.account({ accountID, region }) : undefined;
  };
  return {
    identityPermissionSet,
    identityAccountID,
    accounts: () => new Set([identityAccountID(), ...proxies().map((proxy) => proxy.spec.ecs.accountID)]),
    grantByID: (grantID) => findGrant(source, grantID),
    findUser: (userName) => store().findUser(userName),
    groupsOf: (userID) => store().groupsOf(userID),
    async identityRoleID(accountID) {
      const known = roles.get(accountID);
      if (known !== undefined && clock.monotonicMs() - known.readMs < roleLifeMs) {
        return known.roleID;
      }
      const role = await accountAt(accountID)?.findReservedRole(identityPermissionSet);
      // An absent role is asked for again at once: it may be on its way.
      if (role !== undefined) {
        roles.set(accountID, { roleID: role.roleID, readMs: clock.monotonicMs() });
      }
      return role?.roleID;
    },
  };
}

/** The ports for a Proxy's account and region. */
export function accountOf(ports: AwsPorts, proxy: Proxy): AccountPort {
  const { accountID, region, assumeRoleARN, externalID } = proxy.spec.ecs;
  return ports.account({ accountID, region, ...defined({ assumeRoleARN, externalID }) });
}
