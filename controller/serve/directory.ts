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
  /** Identity Store of those who sign in, where Proxies name several. Absent: the one that all Proxies name. */
  readonly identityStore?: string | undefined;
}

/** Answers who people are, and where they sign in. */
export interface Directory extends IdentityDirectory {
  identityAccountID(): string;
  /** Region of the Identity Center in which people sign in; undefined while there is no Proxy. Throws `HttpProblem` 503 where Proxies name several. */
  ssoRegion(): string | undefined;
}

/**
 * Answers who people are from the Identity Store and IAM of the installation's Proxies. There is one Identity Store: people of the same
 * name in another one are other people, so Proxies and accounts that belong to another Identity Center prove nobody.
 */
export function createDirectory(options: DirectoryOptions): Directory {
  const { source, ports, clock, identityPermissionSet } = options;
  const roles = new Map<string, { roleID: string | undefined; readMs: number }>();
  const proxies = (): Proxy[] => {
    const all = source.list("Proxy").map((stored) => stored.object);
    const storeID = options.identityStore ?? onlyStore(all);
    return all.filter((proxy) => proxy.spec.identityCenter.identityStoreID === storeID);
  };
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
    ssoRegion: () => proxies()[0]?.spec.identityCenter.region,
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

/** The Identity Store that all Proxies name. Throws `HttpProblem` 503 where they name several. */
function onlyStore(proxies: readonly Proxy[]): string | undefined {
  const named = [...new Set(proxies.map((proxy) => proxy.spec.identityCenter.identityStoreID))].sort();
  if (named.length > 1) {
    throw new HttpProblem(
      503,
      "SeveralIdentityCenters",
      "the Proxies of this installation name several Identity Stores",
      {
        why: `people of the same name in ${named.join(" and ")} are not the same people`,
        next: "Start the controller with --identity-store ID, or run an installation for each Identity Center.",
      },
    );
  }
  return named[0];
}

/** The ports for a Proxy's account and region. */
export function accountOf(ports: AwsPorts, proxy: Proxy): AccountPort {
  const { accountID, region, assumeRoleARN, externalID } = proxy.spec.ecs;
  return ports.account({ accountID, region, ...defined({ assumeRoleARN, externalID }) });
}
