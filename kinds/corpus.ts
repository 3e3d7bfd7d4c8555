import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/** One file of `crds/examples/`; its format is described in `crds/README.md`. */
export interface CorpusCase {
  /** File name without its folder. */
  readonly name: string;
  /** Path relative to the checkout. */
  readonly file: string;
  readonly text: string;
  /** Field path or rule message of the only reason; absent for a valid case. */
  readonly refusedBy?: string;
  /** Whether the first of two documents is replaced by the second. */
  readonly isTransition: boolean;
}

const root = path.dirname(import.meta.dirname);

/** Reads the cases of one verdict, in order of their names. Throws where a file lacks the comment that it needs. */
export function readCorpus(verdict: "valid" | "invalid"): readonly CorpusCase[] {
  const folder = path.join("crds", "examples", verdict);
  return readdirSync(path.join(root, folder))
    .sort()
    .map((name) => {
      const file = path.posix.join("crds/examples", verdict, name);
      const text = readFileSync(path.join(root, folder, name), "utf8");
      const refusedBy = /^# refused-by: (.+)$/m.exec(text)?.[1];
      if ((verdict === "invalid") !== (refusedBy !== undefined)) {
        throw new Error(`${file}: exactly the invalid examples say "# refused-by:"`);
      }
      const base = { name, file, text, isTransition: /^# transition$/m.test(text) };
      return refusedBy === undefined ? base : { ...base, refusedBy };
    });
}
