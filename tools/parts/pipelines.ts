import path from "node:path";
import { findVenv, prepareVenv } from "../python.ts";
import { isMissing, type Part, reasonFor, rememberMissing } from "./part.ts";

/** Pins check-jsonschema, with checksums. */
const requirements = path.join(import.meta.dirname, "..", "python", "pipelines.txt");

/** The program that knows the schemas of GitHub's workflows and GitLab's pipelines, or why it is missing. */
export function pipelineChecker(): Part<{ readonly file: string }> {
  const python = findVenv(requirements);
  return python === undefined
    ? { missing: reasonFor("pipeline checker") }
    : { file: path.join(path.dirname(python), "check-jsonschema") };
}

/** Brings it where it is missing. */
export function bringPipelineChecker(report: (text: string) => void): void {
  const prepared = prepareVenv(requirements, () => report("bringing check-jsonschema from PyPI (about 5 MB, once)"));
  if (isMissing(prepared)) {
    rememberMissing("pipeline checker", prepared.missing);
  }
}
