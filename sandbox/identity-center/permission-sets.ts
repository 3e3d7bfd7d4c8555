import type { Context } from "../context.ts";
import { identityCenterSuffix } from "../ids.ts";
import { epochSeconds, type Input, optionalText, text } from "../input.ts";
import { page } from "../paging.ts";
import { AwsError, type Operation } from "../service.ts";
import type { PermissionSet, State } from "../state.ts";
import type { RequestBook } from "./requests.ts";
import * as rules from "./rules.ts";
import { readTags, setTags } from "./tags.ts";

/** The set that the input names. Throws `ResourceNotFoundException` when the instance or the set is unknown. */
export function requiredSet(state: State, input: Input): PermissionSet {
  requireInstance(state, input);
  const arn = text(input, "PermissionSetArn", rules.permissionSetARNRule);
  const set = state.permissionSets.get(arn);
  if (set === undefined) {
    throw new AwsError("ResourceNotFoundException", `PermissionSet with id ${arn.split("/").at(-1)} not found.`);
  }
  return set;
}

/** Throws `ResourceNotFoundException` unless the input names the one instance. */
export function requireInstance(state: State, input: Input): void {
  const arn = text(input, "InstanceArn", rules.instanceARNRule);
  if (arn !== state.instance.instanceARN) {
    throw new AwsError("ResourceNotFoundException", `Instance ${arn} not found.`);
  }
}

/** Operations that make, show, change and delete permission sets. */
export function permissionSetOperations(context: Context, book: RequestBook): Record<string, Operation> {
  const { state } = context;
  return {
    CreatePermissionSet: (input) => ({ PermissionSet: describe(createSet(context, input)) }),
    DescribePermissionSet: (input) => ({ PermissionSet: describe(requiredSet(state, input)) }),
    UpdatePermissionSet(input) {
      const set = idleSet(state, book, input);
      const description = optionalText(input, "Description", rules.descriptionRule);
      const sessionDuration = readDuration(input);
      const relayState = optionalText(input, "RelayState", rules.relayStateRule);
      set.description = description ?? set.description;
      set.sessionDuration = sessionDuration ?? set.sessionDuration;
      set.relayState = relayState ?? set.relayState;
      set.revision += 1;
      return {};
    },
    DeletePermissionSet(input) {
      const set = idleSet(state, book, input);
      const assigned = [...state.assignments.values()].some((one) => one.permissionSetARN === set.arn);
      if (assigned || set.provisioned.size > 0) {
        throw new AwsError(
          "ConflictException",
          "Could not delete because PermissionSet has ApplicationProfile associated with it",
        );
      }
      state.permissionSets.delete(set.arn);
      return {};
    },
    ListPermissionSets(input) {
      requireInstance(state, input);
      const { items, next } = page([...state.permissionSets.keys()], input);
      return { PermissionSets: items, NextToken: next };
    },
    ListPermissionSetsProvisionedToAccount(input) {
      requireInstance(state, input);
      const accountID = text(input, "AccountId", rules.targetIDRule);
      const found = [...state.permissionSets.values()].filter((set) => matchesStatus(set, accountID, input));
      const { items, next } = page(found, input);
      return { PermissionSets: items.map((set) => set.arn), NextToken: next };
    },
    ListAccountsForProvisionedPermissionSet(input) {
      const set = requiredSet(state, input);
      const found = [...set.provisioned.keys()].filter((accountID) => matchesStatus(set, accountID, input));
      const { items, next } = page(found, input);
      return { AccountIds: items, NextToken: next };
    },
  };
}

/** The set that the input names, unless work on it goes on: then `ConflictException`. */
export function idleSet(state: State, book: RequestBook, input: Input): PermissionSet {
  const set = requiredSet(state, input);
  if (book.isBusy(set.arn)) {
    throw new AwsError("ConflictException", "Another operation on this PermissionSet is in progress.");
  }
  return set;
}

function createSet({ state, clock, random, limits }: Context, input: Input): PermissionSet {
  requireInstance(state, input);
  const name = text(input, "Name", rules.nameRule);
  const description = optionalText(input, "Description", rules.descriptionRule);
  const relayState = optionalText(input, "RelayState", rules.relayStateRule);
  const sessionDuration = readDuration(input) ?? "PT1H";
  const tags = readTags(input);
  if ([...state.permissionSets.values()].some((set) => set.name === name)) {
    throw new AwsError("ConflictException", `PermissionSet with name ${name} already exists.`);
  }
  if (state.permissionSets.size >= limits.permissionSetsMax) {
    throw new AwsError(
      "ServiceQuotaExceededException",
      `You have exceeded AWS SSO limits. Cannot create more than ${limits.permissionSetsMax} permission sets.`,
    );
  }
  const set: PermissionSet = {
    arn: `arn:aws:sso:::permissionSet/${state.instance.instanceID}/ps-${identityCenterSuffix(random)}`,
    name,
    description,
    sessionDuration,
    relayState,
    inlinePolicy: "",
    managedPolicyARNs: new Set(),
    tags: new Map(),
    createdAt: clock.now(),
    revision: 1,
    provisioned: new Map(),
  };
  setTags(set.tags, tags);
  state.permissionSets.set(set.arn, set);
  return set;
}

function describe(set: PermissionSet): Record<string, unknown> {
  return {
    Name: set.name,
    PermissionSetArn: set.arn,
    Description: set.description,
    CreatedDate: epochSeconds(set.createdAt),
    SessionDuration: set.sessionDuration,
    RelayState: set.relayState,
  };
}

function readDuration(input: Input): string | undefined {
  const duration = optionalText(input, "SessionDuration", rules.sessionDurationRule);
  if (duration !== undefined && rules.sessionSeconds(duration) === undefined) {
    throw new AwsError(
      "ValidationException",
      "Session duration must be a valid ISO-8601 duration between PT1H and PT12H.",
    );
  }
  return duration;
}

function matchesStatus(set: PermissionSet, accountID: string, input: Input): boolean {
  const provisioned = set.provisioned.get(accountID);
  const wanted = optionalText(input, "ProvisioningStatus");
  if (provisioned === undefined) {
    return false;
  }
  const isLatest = provisioned.revision === set.revision;
  return wanted === undefined || isLatest === (wanted === "LATEST_PERMISSION_SET_PROVISIONED");
}
