import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { repository } from "#test/harness/process.ts";
import { isMissing } from "#tools/parts/part.ts";
import { pipelineChecker } from "#tools/parts/pipelines.ts";
import { gitHubJobs, gitLabJobs, type Job } from "./scripts.ts";

const gitHub = path.join(repository, "manifests", "ci", "github-actions.yaml");
const gitLab = path.join(repository, "manifests", "ci", "gitlab-ci.yaml");
let root: string;

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "sallyport-ci-"));
  mkdirSync(path.join(root, "bin"));
  const program = path.join(repository, "cli", "main.ts");
  writeFileSync(path.join(root, "bin", "sallyport"), `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`, {
    mode: 0o755,
  });
});
afterEach(() => rmSync(root, { recursive: true }));

/** Runs a job's scripts as both runners do: bash that stops at the first failure. */
function run(job: Job | undefined, directory: string, environment: Readonly<Record<string, string>> = {}) {
  let text = "";
  for (const script of job?.scripts ?? []) {
    const { status, stdout, stderr } = spawnSync("bash", ["-e", "-o", "pipefail", "-c", script], {
      cwd: directory,
      encoding: "utf8",
      env: { PATH: `${path.join(root, "bin")}:${process.env["PATH"]}`, HOME: root, ...environment },
    });
    text += stdout + stderr;
    if (status !== 0) {
      return { passes: false, text };
    }
  }
  return { passes: job !== undefined, text };
}

function jobOf(jobs: readonly Job[], name: string): Job | undefined {
  return jobs.find((job) => job.name === name);
}

/** A repository with access/ as its main branch has it, and a branch that changes the proxy's image. */
function changeIn(directory: string, change: (proxy: string) => string): string {
  const git = (...args: readonly string[]): string =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...args], {
      cwd: directory,
      encoding: "utf8",
    }).trim();
  mkdirSync(directory, { recursive: true });
  cpSync(path.join(repository, "examples"), path.join(directory, "access"), { recursive: true });
  git("init", "--quiet", "--initial-branch=main");
  git("add", ".");
  git("commit", "--quiet", "--message=main");
  const base = git("rev-parse", "HEAD");
  const file = path.join(directory, "access", "proxy.yaml");
  writeFileSync(file, change(readFileSync(file, "utf8")));
  return base;
}

const newImage = (proxy: string): string => proxy.replace(/image: .*/, "image: sallyport:2");

it.for([
  ["vendor.github-workflows", gitHub],
  ["vendor.gitlab-ci", gitLab],
] as const)("the example keeps to the schema %s", ([schema, file], { skip }) => {
  const checker = pipelineChecker();
  if (isMissing(checker)) {
    return skip(checker.missing);
  }

  const { status, stdout, stderr } = spawnSync(checker.file, ["--builtin-schema", schema, file], { encoding: "utf8" });

  expect({ status, output: stdout + stderr }).toEqual({ status: 0, output: "ok -- validation done\n" });
});

describe("the jobs of the GitHub workflow", () => {
  const plan = jobOf(gitHubJobs(gitHub), "plan");
  const prepare = (change: (proxy: string) => string): Record<string, string> => {
    changeIn(path.join(root, "change"), change);
    cpSync(path.join(repository, "examples"), path.join(root, "base", "access"), { recursive: true });
    return { GITHUB_STEP_SUMMARY: path.join(root, "summary.md") };
  };

  it("pass with a plan in the summary where something changes", () => {
    const environment = prepare(newImage);

    const { passes, text } = run(plan, root, environment);

    expect({ passes, text }).toMatchObject({ passes: true });
    expect(readFileSync(path.join(root, "summary.md"), "utf8")).toMatch(
      /^```\n[^]*ecs:RegisterTaskDefinition[^]*```\n$/,
    );
  });

  it("pass where nothing changes, and where the folder is new", () => {
    const environment = prepare((proxy) => proxy);

    expect(run(plan, root, environment)).toMatchObject({ passes: true, text: expect.stringContaining("No changes") });
    rmSync(path.join(root, "base", "access"), { recursive: true });
    expect(run(plan, root, environment)).toMatchObject({ passes: true, text: expect.stringContaining("to add") });
  });

  it("fail at the place of what the controller would refuse", () => {
    const environment = prepare((proxy) => proxy.replace("kind: Proxy", "kind: Proxi"));

    expect(run(plan, root, environment)).toMatchObject({
      passes: false,
      text: expect.stringContaining("proxy.yaml"),
    });
    expect(existsSync(path.join(root, "summary.md"))).toBe(false);
  });
});

describe("the jobs of the GitLab pipeline", () => {
  const jobs = gitLabJobs(gitLab);

  it("plan against the commit that the merge request started from", () => {
    const base = changeIn(root, newImage);

    const brought = run(jobOf(jobs, "sallyport base"), root, { CI_MERGE_REQUEST_DIFF_BASE_SHA: base });
    const planned = run(jobOf(jobs, "sallyport plan"), root);

    expect(brought).toMatchObject({ passes: true });
    expect(planned).toMatchObject({ passes: true, text: expect.stringContaining("ecs:UpdateService") });
  });

  it("fail where the change cannot be planned", () => {
    const base = changeIn(root, (proxy) => `${proxy}  unheardOf: 1\n`);

    run(jobOf(jobs, "sallyport base"), root, { CI_MERGE_REQUEST_DIFF_BASE_SHA: base });

    expect(run(jobOf(jobs, "sallyport plan"), root)).toMatchObject({ passes: false });
  });
});
