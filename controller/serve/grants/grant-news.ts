import { formatKey, type ObjectKey } from "#kinds/index.ts";
import type { Source } from "../../source/source.ts";

/** Tells whoever follows Grants which of them changed, whoever changed them: their text, their status, what applies to them. */
export class GrantNews {
  readonly #listeners = new Set<(key: ObjectKey) => void>();

  /** Calls `onChange` with the key of each Grant that changed or went. Returns the unsubscribe function. */
  listen(onChange: (key: ObjectKey) => void): () => void {
    this.#listeners.add(onChange);
    return () => this.#listeners.delete(onChange);
  }

  /** This Grant changed. */
  changed(key: ObjectKey): void {
    for (const listener of this.#listeners) {
      listener(key);
    }
  }

  /** Follows what a source tells: Grants themselves, and for a workflow or a review the Grants that it may concern. */
  follow(source: Pick<Source, "subscribe" | "list" | "get">): () => void {
    return source.subscribe((key) => {
      if (key.kind === "Grant") {
        this.changed(key);
      } else if (key.kind === "GrantReview") {
        const name = source.get("GrantReview", key.namespace, key.name)?.object.spec.grantRef.name;
        if (name !== undefined) {
          this.changed({ kind: "Grant", namespace: key.namespace, name });
        }
      } else if (key.kind === "AccessWorkflow" && this.#listeners.size > 0) {
        for (const { object } of source.list("Grant")) {
          if (object.metadata.namespace === key.namespace) {
            this.changed({ kind: "Grant", namespace: key.namespace, name: object.metadata.name });
          }
        }
      }
    });
  }
}

/** Changes that wait for one follower, each key once: however slow the follower, there are never more than there are Grants. */
export class ChangedKeys {
  readonly #waiting = new Map<string, ObjectKey>();
  #wake: () => void = () => {};

  add(key: ObjectKey): void {
    this.#waiting.set(formatKey(key), key);
    this.#wake();
  }

  take(): ObjectKey | undefined {
    const [first] = this.#waiting;
    if (first === undefined) {
      return undefined;
    }
    this.#waiting.delete(first[0]);
    return first[1];
  }

  /** Resolves when there is something to take, or `signal` aborts. */
  async some(signal: AbortSignal): Promise<void> {
    if (this.#waiting.size > 0 || signal.aborted) {
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    this.#wake = wake;
    signal.addEventListener("abort", wake, { once: true });
    await promise;
    // A stream waits thousands of times on one signal.
    signal.removeEventListener("abort", wake);
    this.#wake = () => {};
  }
}
