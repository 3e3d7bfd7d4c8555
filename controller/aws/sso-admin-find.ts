import {
  DescribePermissionSetCommand,
  ListAccountsForProvisionedPermissionSetCommand,
  ListInstancesCommand,
  ListPermissionSetsCommand,
  ListPermissionSetsProvisionedToAccountCommand,
  ListTagsForResourceCommand,
  type SSOAdminClient,
} from "@aws-sdk/client-sso-admin";
import { callAws } from "./errors.ts";
import type { Limiter } from "./limiter.ts";
import { pages } from "./paging.ts";
import type { IdentityCenterPort, InstanceRef, PermissionSet } from "./ports.ts";
import { type IdentityCenterParts, limited, limitedOptional } from "./sso-admin-parts.ts";
import { fromTagList } from "./tags.ts";

/** sso:ListInstances, all pages. */
export async function listInstances(client: SSOAdminClient, region: string, limiter: Limiter): Promise<InstanceRef[]> {
  const all = await pages(async (NextToken) => {
    await limiter.take("change");
    const answer = await callAws("sso:ListInstances", () => client.send(new ListInstancesCommand({ ...NextToken })));
    return { items: answer.Instances ?? [], next: answer.NextToken };
  });
  return all.flatMap(({ InstanceArn, IdentityStoreId }) =>
    InstanceArn === undefined || IdentityStoreId === undefined
      ? []
      : [{ instanceARN: InstanceArn, identityStoreID: IdentityStoreId, region }],
  );
}

/** The calls that look for sets. */
export function findCalls(
  parts: IdentityCenterParts,
): Pick<IdentityCenterPort, "listTagged" | "findPermissionSet" | "provisionedIn" | "outdatedIn" | "accountsOf"> {
  return {
    async listTagged(tag, named = () => true, skip = () => false) {
      const found: PermissionSet[] = [];
      for await (const arn of listARNs(parts)) {
        const name = skip(arn) ? undefined : await nameOf(parts, arn);
        const tags = name !== undefined && named(name) ? await tagsOf(parts, arn) : undefined;
        if (name !== undefined && tags?.[tag.key] === tag.value) {
          found.push({ arn, name, tags });
        }
      }
      return found;
    },
    provisionedIn: (accountID, maxAgeMs) =>
      parts.shared.read(`${parts.instanceARN} ${accountID}`, maxAgeMs, () =>
        listProvisioned(parts, { AccountId: accountID }),
      ),
    outdatedIn: (accountID, maxAgeMs) =>
      parts.shared.read(`${parts.instanceARN} ${accountID} outdated`, maxAgeMs, () =>
        listProvisioned(parts, { AccountId: accountID, ProvisioningStatus: "LATEST_PERMISSION_SET_NOT_PROVISIONED" }),
      ),
    accountsOf: (PermissionSetArn) =>
      pages(async (NextToken) => {
        const answer = await limitedOptional(parts, "ListAccountsForProvisionedPermissionSet", () =>
          parts.client.send(
            new ListAccountsForProvisionedPermissionSetCommand({
              InstanceArn: parts.instanceARN,
              PermissionSetArn,
              MaxResults: 100,
              ...NextToken,
            }),
          ),
        );
        return { items: answer?.AccountIds ?? [], next: answer?.NextToken };
      }),
    async findPermissionSet(name) {
      for await (const arn of listARNs(parts)) {
        if ((await nameOf(parts, arn)) === name) {
          return readSet(parts, arn);
        }
      }
      return undefined;
    },
  };
}

async function* listARNs(parts: IdentityCenterParts): AsyncGenerator<string> {
  let next: string | undefined;
  do {
    const NextToken = next === undefined ? {} : { NextToken: next };
    const answer = await limited(parts, "ListPermissionSets", () =>
      parts.client.send(
        new ListPermissionSetsCommand({ InstanceArn: parts.instanceARN, MaxResults: 100, ...NextToken }),
      ),
    );
    yield* answer.PermissionSets ?? [];
    next = answer.NextToken;
  } while (next !== undefined);
}

async function listProvisioned(
  parts: IdentityCenterParts,
  which: { AccountId: string; ProvisioningStatus?: "LATEST_PERMISSION_SET_NOT_PROVISIONED" },
): Promise<ReadonlySet<string>> {
  const all = await pages(async (NextToken) => {
    const answer = await limited(parts, "ListPermissionSetsProvisionedToAccount", () =>
      parts.client.send(
        new ListPermissionSetsProvisionedToAccountCommand({
          InstanceArn: parts.instanceARN,
          ...which,
          MaxResults: 100,
          ...NextToken,
        }),
      ),
    );
    return { items: answer.PermissionSets ?? [], next: answer.NextToken };
  });
  return new Set(all);
}

/** Name of a set, from memory where it is known; undefined when the set is gone. */
async function nameOf(parts: IdentityCenterParts, arn: string): Promise<string | undefined> {
  const known = parts.names.get(arn);
  if (known !== undefined) {
    return known;
  }
  const answer = await limitedOptional(parts, "DescribePermissionSet", () =>
    parts.client.send(new DescribePermissionSetCommand({ InstanceArn: parts.instanceARN, PermissionSetArn: arn })),
  );
  const name = answer?.PermissionSet?.Name;
  if (name !== undefined) {
    parts.names.set(arn, name);
  }
  return name;
}

/** Tags of a set; undefined when it is gone. */
export async function tagsOf(parts: IdentityCenterParts, arn: string): Promise<Record<string, string> | undefined> {
  let gone = false;
  const all = await pages(async (NextToken) => {
    const answer = await limitedOptional(parts, "ListTagsForResource", () =>
      parts.client.send(
        new ListTagsForResourceCommand({ InstanceArn: parts.instanceARN, ResourceArn: arn, ...NextToken }),
      ),
    );
    gone ||= answer === undefined;
    return { items: answer?.Tags ?? [], next: answer?.NextToken };
  });
  return gone ? undefined : fromTagList(all);
}

/** A set with its name and tags; undefined when it is gone. */
export async function readSet(parts: IdentityCenterParts, arn: string): Promise<PermissionSet | undefined> {
  const name = await nameOf(parts, arn);
  const tags = name === undefined ? undefined : await tagsOf(parts, arn);
  return name === undefined || tags === undefined ? undefined : { arn, name, tags };
}
