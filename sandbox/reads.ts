import type { Clock } from "#lib/clock.ts";
import type { SandboxEvent } from "./events.ts";
import type { Role, RoleRegistry } from "./roles.ts";
import { assignmentKey, type PermissionSet, type State } from "./state.ts";

/** What callers that only read are shown: the state, or the state of a moment ago. */
export interface Reads {
  /** How far reads lag behind writes, in milliseconds. 0: not at all. May be changed at any time. */
  lagMs: number;
  /** What a read sees now. */
  view(): State;
}

interface Version<T> {
  readonly visibleMs: number;
  readonly value: T | undefined;
}

/** The versions of each thing, of which the newest that is old enough is shown. */
class Versions<T> {
  readonly #byKey = new Map<string, Version<T>[]>();

  add(key: string, version: Version<T>): void {
    const all = this.#byKey.get(key) ?? [];
    all.push(version);
    this.#byKey.set(key, all);
  }

  visible(nowMs: number): Map<string, T> {
    const shown = new Map<string, T>();
    for (const [key, all] of this.#byKey) {
      const newest = all.findLastIndex((version) => version.visibleMs <= nowMs);
      all.splice(0, newest);
      const value = newest < 0 ? undefined : all[0]?.value;
      if (value !== undefined) {
        shown.set(key, value);
      } else if (newest >= 0 && all.length === 1) {
        this.#byKey.delete(key);
      }
    }
    return shown;
  }
}

/** Eventual consistency: permission sets, assignments and roles as they were `lagMs` ago. Writes and access itself see what is. */
export function createReads(state: State, clock: Clock): Reads {
  let lagMs = 0;
  let shadow: Shadow | undefined;
  return {
    get lagMs() {
      return lagMs;
    },
    set lagMs(wanted) {
      lagMs = wanted;
      if (wanted === 0) {
        shadow?.stop();
        shadow = undefined;
      } else {
        shadow ??= new Shadow(state, clock, () => lagMs);
      }
    },
    view: () => shadow?.view() ?? state,
  };
}

class Shadow {
  readonly #state: State;
  readonly #clock: Clock;
  readonly #lagMs: () => number;
  readonly #sets = new Versions<PermissionSet>();
  readonly #assignments = new Versions<State["assignments"] extends Map<string, infer T> ? T : never>();
  readonly #roles = new Versions<Role>();
  readonly stop: () => void;

  constructor(state: State, clock: Clock, lagMs: () => number) {
    this.#state = state;
    this.#clock = clock;
    this.#lagMs = lagMs;
    for (const set of state.permissionSets.values()) {
      this.#noteSet(set.arn, 0);
    }
    for (const [key, value] of state.assignments) {
      this.#assignments.add(key, { visibleMs: -Infinity, value });
    }
    for (const accountID of state.accounts.keys()) {
      for (const role of state.roles.list(accountID)) {
        this.#roles.add(role.roleID, { visibleMs: -Infinity, value: role });
      }
    }
    this.stop = state.events.subscribe((event) => this.#follow(event));
  }

  view(): State {
    const nowMs = this.#clock.monotonicMs();
    return {
      ...this.#state,
      permissionSets: this.#sets.visible(nowMs),
      assignments: this.#assignments.visible(nowMs),
      roles: rolesOf(this.#state.roles, [...this.#roles.visible(nowMs).values()]),
    };
  }

  #follow(event: SandboxEvent): void {
    const visibleMs = this.#clock.monotonicMs() + this.#lagMs();
    switch (event.kind) {
      case "set-created":
      case "set-deleted":
      case "tagged":
      case "policy":
        this.#noteSet(event.arn, visibleMs);
        return;
      case "assigned":
      case "unassigned":
        this.#assignments.add(assignmentKey(event), {
          visibleMs,
          value: this.#state.assignments.get(assignmentKey(event)),
        });
        this.#noteSet(event.permissionSetARN, visibleMs);
        return;
      case "operation-ended":
        this.#noteSet(event.operation.permissionSetARN, visibleMs);
        return;
      case "role-created":
      case "role-removed":
        this.#noteRole(event, visibleMs);
        return;
      default:
    }
  }

  #noteSet(arn: string, visibleMs: number): void {
    const set = this.#state.permissionSets.get(arn);
    const value =
      set === undefined
        ? undefined
        : {
            ...set,
            tags: new Map(set.tags),
            managedPolicyARNs: new Set(set.managedPolicyARNs),
            provisioned: new Map(set.provisioned),
          };
    this.#sets.add(arn, { visibleMs: visibleMs === 0 ? -Infinity : visibleMs, value });
  }

  #noteRole(event: Extract<SandboxEvent, { kind: "role-created" | "role-removed" }>, visibleMs: number): void {
    const value = event.kind === "role-removed" ? undefined : this.#state.roles.byID(event.roleID);
    this.#roles.add(event.roleID, { visibleMs, value });
  }
}

/** The registry with another list of roles to be read. */
function rolesOf(registry: RoleRegistry, roles: readonly Role[]): RoleRegistry {
  return {
    ...registry,
    get: (accountID, roleName) => roles.find((role) => role.accountID === accountID && role.roleName === roleName),
    list: (accountID, pathPrefix = "/") =>
      roles
        .filter((role) => role.accountID === accountID && role.path.startsWith(pathPrefix))
        .sort((a, b) => (a.roleName < b.roleName ? -1 : 1)),
  };
}
