import type { Clock } from "#lib/clock.ts";
import type { Orphan } from "./grant/orphans.ts";

/** What a person is shown of orphans that are left until somebody confirms their removal. */
export interface HeldOrphans {
  /** `permission set <name>, made for Grant <namespace>/<name>`, sorted. */
  readonly keys: readonly string[];
  /** RFC 3339. */
  readonly since: string;
}

/** The orphans that are too many to be removed without a person's word. */
export class OrphanHold {
  readonly #clock: Clock;
  #held: { readonly orphans: readonly Orphan[]; readonly since: string } | undefined;
  #onConfirmed: () => void = () => {};
  readonly #confirmed = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What is held now; undefined where nothing is. */
  held(): HeldOrphans | undefined {
    return this.#held === undefined
      ? undefined
      : { keys: this.#held.orphans.map(keyOf).toSorted(), since: this.#held.since };
  }

  /** A sweep has found these to be held; none where the list is empty. */
  hold(orphans: readonly Orphan[]): void {
    const since = this.#held?.since ?? new Date(this.#clock.now()).toISOString();
    this.#held = orphans.length === 0 ? undefined : { orphans, since };
  }

  /** Somebody wants those gone that are held now; orphans that are found later are judged anew. */
  confirm(): void {
    for (const { permissionSetARN } of this.#held?.orphans ?? []) {
      this.#confirmed.add(permissionSetARN);
    }
    this.#held = undefined;
    this.#onConfirmed();
  }

  isConfirmed({ permissionSetARN }: Orphan): boolean {
    return this.#confirmed.has(permissionSetARN);
  }

  /** It is gone: its confirmation is used up. */
  removed({ permissionSetARN }: Orphan): void {
    this.#confirmed.delete(permissionSetARN);
  }

  /** Calls `sweep` at each confirmation. */
  onConfirmed(sweep: () => void): void {
    this.#onConfirmed = sweep;
  }
}

function keyOf({ name, grant }: Orphan): string {
  return `permission set ${name}, made for Grant ${grant}`;
}
