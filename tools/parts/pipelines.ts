import path from "node:path";
import { prepareVenv, venvProgram } from "../python.ts";
import { type Part, remember } from "./part.ts";

/** Pins check-jsonschema, with checksums. */
const requirements = path.join(import.meta.dirname, "..", "python", "pipelines.txt");
const part = "pipeline checker";

/** The program that knows the schemas of GitHub's workflows and GitLab's pipelines, or why it is missing. */
export function pipelineChecker(): Part<{ readonly file: string }> {
  return venvProgram(requirements, "check-jsonschema", part);
}

/** Brings it where it is missing. */
export function bringPipelineChecker(report: (text: string) => void): void {
  remember(
    part,
    prepareVenv(requirements, () => report("bringing check-jsonschema from PyPI (about 5 MB, once)")),
  );
}
