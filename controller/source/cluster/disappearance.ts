import type { CancelTimer, Clock } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";
import { formatKey, keyOf, kinds, parseKey, type ObjectKey } from "#kinds/index.ts";
import { judgeAbsence, noAbsence, type AbsenceMemory, type AbsenceRow } from "../absence.ts";
import { confirmCommand } from "../folder/reports.ts";
import type { ClusterView } from "./view.ts";

/** What the judgement needs. */
export interface DisappearanceOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly view: ClusterView;
  /** Told of what was judged to be deleted. */
  readonly onRemoved: (keys: readonly ObjectKey[]) => void;
}

/**
 * Judges objects that are gone though nobody saw them being deleted: an etcd that was set back, a finalizer that was stripped while no
 * watch was open. Few are deletions; many at once are held until a person has looked, as in a folder.
 */
export class Disappearance {
  readonly #options: DisappearanceOptions;
  #memory: AbsenceMemory = noAbsence;
  #held: { readonly keys: readonly ObjectKey[]; readonly since: string } | undefined;
  #cancel: CancelTimer | undefined;

  constructor(options: DisappearanceOptions) {
    this.#options = options;
  }

  /** Looks at all that has vanished, a moment after it has: a new list tells of its objects one by one. */
  judge(): void {
    this.#cancel ??= this.#options.clock.after(0, () => this.#judge());
  }

  held(): { readonly keys: readonly ObjectKey[]; readonly since: string } | undefined {
    return this.#held;
  }

  /** What is held counts as deleted; what has come back meanwhile is not held any more. */
  confirm(): void {
    this.#judge();
    const keys = this.#held?.keys ?? [];
    this.#remove(keys);
    this.#hold([]);
    this.#options.log.warn("a mass disappearance was confirmed", { keys: keys.map(formatKey) });
  }

  problems(): readonly string[] {
    const held = this.#held;
    return held === undefined
      ? []
      : [
          `${held.keys.length} objects are gone from the cluster since ${held.since} without having been deleted; their deletion is ` +
            `held. Bring them back, or run \`${confirmCommand}\` to delete them. Expiry and revocation go on.`,
        ];
  }

  stop(): void {
    this.#cancel?.();
  }

  #judge(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const { view, clock } = this.#options;
    const absent = [...view.vanished.keys()].map((key) => ({ key, evidence: "gone" }));
    const verdict = judgeAbsence(this.#rows(absent.length), absent, this.#memory, clock.monotonicMs());
    this.#memory = verdict.memory;
    this.#hold(verdict.held.map(parseKey));
    this.#remove(verdict.remove.map(parseKey));
    if (verdict.lookAgainMs !== undefined) {
      this.#cancel = clock.after(verdict.lookAgainMs, () => this.#judge());
    }
  }

  #rows(absentCount: number): ReadonlyMap<string, AbsenceRow> {
    const stored = absentCount === 0 ? [] : kinds.flatMap((kind) => this.#options.view.list(kind));
    return new Map(stored.map(({ object }) => [formatKey(keyOf(object)), { object, origin: { via: "cluster" } }]));
  }

  #remove(keys: readonly ObjectKey[]): void {
    for (const key of keys) {
      this.#options.view.remove(key);
    }
    this.#options.onRemoved(keys);
  }

  #hold(keys: readonly ObjectKey[]): void {
    const before = this.#held;
    const names = keys.map(formatKey);
    if (names.join() === (before?.keys ?? []).map(formatKey).join()) {
      return;
    }
    if (keys.length === 0) {
      this.#held = undefined;
      this.#options.log.info("deletions are no longer held");
      return;
    }
    const since = before?.since ?? new Date(this.#options.clock.now()).toISOString();
    this.#held = Object.freeze({ keys, since });
    this.#options.log.error("too many objects disappeared at once, their deletion is held", {
      count: keys.length,
      keys: names,
      confirm: confirmCommand,
    });
  }
}
