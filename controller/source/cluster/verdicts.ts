import type { Log } from "#lib/log.ts";
import { formatKey, keyOf, type AnyObject } from "#kinds/index.ts";
import { formatProblem } from "#kinds/problem.ts";
import { validateObject } from "#kinds/validate.ts";
import { deepFreeze } from "../freeze.ts";
import { mustBeTakenAway } from "./names.ts";

interface Verdict {
  readonly uid: string | undefined;
  readonly generation: number | undefined;
  readonly problems: readonly string[];
}

const noProblems: readonly string[] = Object.freeze([]);

/**
 * Whether objects that the API server took are legal by our own schema and rules as well. They are, unless the cluster's CRDs are
 * others than ours: then policy could mean what we do not know, and is not used.
 */
export class Verdicts {
  readonly #log: Log;
  /** Only of objects that are refused. */
  readonly #refused = new Map<string, Verdict>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Why the object's newest text is not used; empty where it is. */
  of(text: string): readonly string[] {
    return this.#refused.get(text)?.problems ?? noProblems;
  }

  all(): readonly string[] {
    return [...this.#refused].flatMap(([text, { problems }]) => problems.map((problem) => `${text}: ${problem}`));
  }

  forget(text: string): void {
    this.#refused.delete(text);
  }

  /**
   * The object as it is used: with the spec that was last good where the new one is refused, undefined where there was none. A
   * Grant that is being deleted, or has given access, is used in any case: it must be possible to take that away.
   */
  judge(object: AnyObject, before: AnyObject | undefined): AnyObject | undefined {
    const text = formatKey(keyOf(object));
    const problems = this.#problemsOf(object, before, text);
    if (problems.length === 0) {
      this.#refused.delete(text);
      return object;
    }
    const { uid, generation } = object.metadata;
    if (this.#refused.get(text)?.problems !== problems) {
      this.#log.warn("an object of the cluster is not used as it is written", { object: text, problems });
    }
    this.#refused.set(text, { uid, generation, problems });
    if (before !== undefined && before.metadata.uid === uid) {
      return deepFreeze({ ...object, spec: before.spec } as AnyObject);
    }
    return object.metadata.deletionTimestamp !== undefined || mustBeTakenAway(object) ? object : undefined;
  }

  #problemsOf(object: AnyObject, before: AnyObject | undefined, text: string): readonly string[] {
    const { uid, generation } = object.metadata;
    const known = this.#refused.get(text);
    if (known !== undefined && known.uid === uid && known.generation === generation) {
      return known.problems;
    }
    // The generation rises with the spec, and the rest is the API server's own.
    if (known === undefined && before?.metadata.uid === uid && before?.metadata.generation === generation) {
      return noProblems;
    }
    const { apiVersion, kind, spec, metadata } = object;
    const { name, namespace } = metadata;
    const { problems } = validateObject({ apiVersion, kind, metadata: { name, namespace }, spec });
    return problems === undefined ? noProblems : problems.map(formatProblem);
  }
}
