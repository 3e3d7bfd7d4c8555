import type { SandboxEvent } from "#sandbox/events.ts";

/** A permission set as the events tell of it. */
export interface BookSet {
  readonly arn: string;
  readonly name: string;
  /** Tags by now; those that it had before somebody removed all of them, where none is left. */
  readonly tags: Readonly<Record<string, string>>;
  readonly isByController: boolean;
  /** By principal ID. */
  readonly assignments: ReadonlyMap<string, { readonly principalID: string; readonly isByController: boolean }>;
}

/** What AWS holds, rebuilt from events alone. */
export interface Book {
  follow(event: SandboxEvent): void;
  set(arn: string): BookSet | undefined;
  sets(): Iterable<BookSet>;
  /** One line for the history; undefined for what says nothing. */
  describe(event: SandboxEvent): string | undefined;
}

interface MutableSet extends BookSet {
  tags: Readonly<Record<string, string>>;
  readonly assignments: Map<string, { principalID: string; isByController: boolean }>;
}

/** An empty book. */
export function newBook(): Book {
  const sets = new Map<string, MutableSet>();
  const names = new Map<string, string>();
  return {
    set: (arn) => sets.get(arn),
    sets: () => sets.values(),
    follow(event) {
      follow(sets, names, event);
    },
    describe: (event) => describe(names, event),
  };
}

function follow(sets: Map<string, MutableSet>, names: Map<string, string>, event: SandboxEvent): void {
  const isByController = event.by !== undefined;
  switch (event.kind) {
    case "set-created": {
      const { arn, name, tags } = event;
      names.set(arn, name);
      sets.set(arn, { arn, name, tags, isByController, assignments: new Map() });
      return;
    }
    case "set-deleted":
      sets.delete(event.arn);
      return;
    case "tagged": {
      const set = sets.get(event.arn);
      if (set !== undefined && "sallyport.dev/name" in event.tags) {
        set.tags = event.tags;
      }
      return;
    }
    case "assigned":
      sets.get(event.permissionSetARN)?.assignments.set(event.principalID, {
        principalID: event.principalID,
        isByController,
      });
      return;
    case "unassigned":
      sets.get(event.permissionSetARN)?.assignments.delete(event.principalID);
      return;
    default:
  }
}

function describe(names: ReadonlyMap<string, string>, event: SandboxEvent): string | undefined {
  const nameOf = (arn: string): string => names.get(arn) ?? arn;
  switch (event.kind) {
    case "set-created":
    case "set-deleted":
      return `${event.kind} ${event.name}`;
    case "tagged": {
      const { "sallyport.dev/activation": activation, "sallyport.dev/ended": ended } = event.tags;
      return `tagged ${nameOf(event.arn)}${activation === undefined ? "" : " active"}${ended === undefined ? "" : " ended"}`;
    }
    case "policy":
      return `policy of ${nameOf(event.arn)}`;
    case "assigned":
    case "unassigned":
      return `${event.kind} ${nameOf(event.permissionSetARN)} to ${event.principalID} in ${event.accountID}`;
    case "operation-started":
    case "operation-ended": {
      const { kind, permissionSetARN } = event.operation;
      const failure = event.kind === "operation-ended" ? (event.failureReason ?? "") : "";
      return `${event.kind} ${kind} of ${nameOf(permissionSetARN)} ${failure}`.trimEnd();
    }
    case "answer":
      return event.outcome === "ok" ? undefined : `${event.operation} answered ${event.outcome}`;
    default:
      return undefined;
  }
}
