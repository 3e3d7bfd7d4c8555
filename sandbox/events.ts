import { AsyncLocalStorage } from "node:async_hooks";
import type { Clock, EpochMs } from "#lib/clock.ts";
import type { Assignment } from "./state.ts";

/** What happened to the sandbox's Identity Center and roles, and which calls arrived. */
export type Happening =
  | { readonly kind: "set-created"; readonly arn: string; readonly name: string; readonly tags: Tags }
  | { readonly kind: "set-deleted"; readonly arn: string; readonly name: string; readonly tags: Tags }
  /** `tags` are all that it has by now. */
  | { readonly kind: "tagged"; readonly arn: string; readonly tags: Tags }
  | { readonly kind: "policy"; readonly arn: string; readonly policy: string }
  /** `again`: it was in force already. */
  | ({ readonly kind: "assigned"; readonly again: boolean } & Assignment)
  | ({ readonly kind: "unassigned" } & Assignment)
  | {
      readonly kind: "role-created" | "role-removed";
      readonly accountID: string;
      readonly roleName: string;
      readonly roleID: string;
    }
  | { readonly kind: "operation-started"; readonly operation: Operation }
  | { readonly kind: "operation-ended"; readonly operation: Operation; readonly failureReason: string | undefined }
  /** Before its effect. A call whose signature did not hold is not here. */
  | { readonly kind: "call"; readonly service: string; readonly operation: string; readonly mutating: boolean }
  /** `outcome`: `ok`, `dropped`, or the code of the error. */
  | { readonly kind: "answer"; readonly service: string; readonly operation: string; readonly outcome: string };

type Tags = Readonly<Record<string, string>>;

interface Operation {
  readonly requestID: string;
  readonly kind: "creation" | "deletion" | "provisioning";
  readonly accountIDs: readonly string[];
  readonly permissionSetARN: string;
}

/** A happening with its place in time. */
export type SandboxEvent = Happening & {
  /** From 0, without gaps. */
  readonly seq: number;
  readonly at: EpochMs;
  readonly monotonicMs: number;
  /** ARN of who did it, also where it took effect after the answer; undefined for what was done by hand. */
  readonly by: string | undefined;
};

/** Everything that happened, for whoever checks the sandbox from outside. */
export interface EventLog {
  /** The newest, oldest first, at most `eventsKeptMax`. */
  readonly list: readonly SandboxEvent[];
  /** Calls `listener` with each event from now on; answers the function that ends it. */
  subscribe(listener: (event: SandboxEvent) => void): () => void;
  /** Adds an event; `by` is whoever `actingAs` says. */
  record(happening: Happening): void;
}

/** An event is some 300 bytes: 30 MB at most. A chaos run makes some thousands. */
export const eventsKeptMax = 100_000;

const actors = new AsyncLocalStorage<string | undefined>();

/** Runs `run`, and what it starts, as the doing of `by`. */
export function actingAs<T>(by: string | undefined, run: () => T): T {
  return actors.run(by, run);
}

/** `run` bound to who acts now, for effects that come later. */
export function asNow(run: () => void): () => void {
  const by = actors.getStore();
  return () => actors.run(by, run);
}

/** Starts an empty log. */
export function createEventLog(clock: Pick<Clock, "now" | "monotonicMs">): EventLog {
  const list: SandboxEvent[] = [];
  const listeners = new Set<(event: SandboxEvent) => void>();
  let count = 0;
  return {
    list,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    record(happening) {
      const event = {
        ...happening,
        seq: count,
        at: clock.now(),
        monotonicMs: clock.monotonicMs(),
        by: actors.getStore(),
      };
      count += 1;
      list.push(event);
      // Half at a time: dropping one by one would move the whole list at each event.
      if (list.length > eventsKeptMax) {
        list.splice(0, eventsKeptMax / 2);
      }
      for (const listener of listeners) {
        listener(event);
      }
    },
  };
}

/** A map that tells of each change, whoever makes it. */
export class ObservedMap<Key, Value> extends Map<Key, Value> {
  readonly #onSet: (value: Value, isNew: boolean) => void;
  readonly #onDelete: (value: Value) => void;

  constructor(onSet: (value: Value, isNew: boolean) => void, onDelete: (value: Value) => void) {
    super();
    this.#onSet = onSet;
    this.#onDelete = onDelete;
  }

  override set(key: Key, value: Value): this {
    const isNew = !this.has(key);
    super.set(key, value);
    this.#onSet(value, isNew);
    return this;
  }

  override delete(key: Key): boolean {
    const value = this.get(key);
    const isDeleted = super.delete(key);
    if (isDeleted) {
      this.#onDelete(value as Value);
    }
    return isDeleted;
  }

  override clear(): void {
    for (const key of this.keys()) {
      this.delete(key);
    }
  }
}
