import { readFileSync } from "node:fs";
import { parse } from "yaml";

/** A job of a pipeline file as its runner would run it. */
export interface Job {
  readonly name: string;
  /** Shell lines, each a script of its own; the first that fails ends the job. */
  readonly scripts: readonly string[];
}

interface GitHubWorkflow {
  readonly jobs: Readonly<Record<string, { readonly steps: readonly { readonly run?: string }[] }>>;
}

/** The jobs of a GitHub workflow. Steps that use an action are left out: checking out is the test's. */
export function gitHubJobs(file: string): Job[] {
  const { jobs } = parse(readFileSync(file, "utf8")) as GitHubWorkflow;
  return Object.entries(jobs).map(([name, { steps }]) => ({
    name,
    scripts: steps.flatMap(({ run }) => (run === undefined ? [] : [run])),
  }));
}

/** The jobs of a GitLab pipeline. All lines of a job are one script there. */
export function gitLabJobs(file: string): Job[] {
  const all = parse(readFileSync(file, "utf8")) as Readonly<Record<string, { readonly script?: readonly string[] }>>;
  return Object.entries(all).flatMap(([name, { script }]) =>
    script === undefined ? [] : [{ name, scripts: [script.join("\n")] }],
  );
}
