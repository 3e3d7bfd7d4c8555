import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { eventuallyWorks, repository } from "#test/harness/process.ts";
import { deployParts } from "#tools/parts/deploy.ts";
import { isMissing } from "#tools/parts/part.ts";
import { type BuiltStage, buildDockerfile, dockerIgnore, linkInto } from "./dockerfile.ts";

const dockerfile = path.join(repository, "Dockerfile");
const scratch = mkdtempSync(path.join(tmpdir(), "sallyport-image-"));
let stages: readonly BuiltStage[];

beforeAll(() => {
  chmodSync(scratch, 0o755);
  stages = buildDockerfile(dockerfile, {
    context: repository,
    isIncluded: dockerIgnore(readFileSync(path.join(repository, ".dockerignore"), "utf8")),
    scratch,
    // Set-up ran the same command on the same lock file; fetching everything again would prove nothing more.
    instead(command, directory) {
      const isInstall = command.startsWith("npm ci ");
      if (isInstall) {
        linkInto(directory, "node_modules", path.join(repository, "node_modules"));
      }
      return isInstall;
    },
  });
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

it("has nothing that hadolint objects to", (context) => {
  const { hadolint } = deployParts();
  if (isMissing(hadolint)) {
    return context.skip(hadolint.missing);
  }

  const done = spawnSync(hadolint.file, ["--no-color", dockerfile], { encoding: "utf8" });

  expect(`${done.stdout}${done.stderr}`).toBe("");
  expect(done.status).toBe(0);
});

it("builds an image that holds the bundle and a place to write, and no sources, packages or package manager files", () => {
  const image = stages.at(-1);

  expect(stages).toHaveLength(2);
  expect(image?.ran).toEqual([]);
  const listed = spawnSync("find", [".", "-type", "f"], { cwd: image?.root, encoding: "utf8" }).stdout.split("\n");
  expect(listed).toContain("./opt/sallyport/sallyport.mjs");
  expect(listed).toContain("./opt/sallyport/console/index.html");
  const bundle = /^\.\/opt\/sallyport\/(console\/(assets\/)?)?[\w.-]+$/;
  expect(listed.filter((file) => file !== "" && !bundle.test(file))).toEqual([]);
  expect(listed.filter((file) => file.endsWith(".ts"))).toEqual([]);
});

it("runs as a user that is not root, told by number, from a base image told by version", () => {
  const image = stages.at(-1);

  expect(image?.user).toBe("65532:65532");
  expect(image?.base).toMatch(/^node:24\.\d+\.\d+-bookworm-slim$/);
  expect(new Set(stages.map(({ base }) => base)).size).toBe(1);
});

it("starts as that user, with nothing but the image's own files, and may write where it works", async () => {
  const image = stages.at(-1) as BuiltStage;
  const started = start(image, ["sandbox", "--listen", "127.0.0.1:0", "--write-env", "aws.env"]);

  let said = "";
  started.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const file = path.join(image.root, image.workingDirectory, "aws.env");
  const text = await eventuallyWorks(
    () => `the file is written, and not: ${said}`,
    () => readFileSync(file, "utf8"),
  );

  expect(text).toContain("AWS_ENDPOINT_URL");
  expect(statSync(file).uid).toBe(process.getuid?.() === 0 ? 65_532 : process.getuid?.());
  started.kill("SIGTERM");
  expect(await once(started, "exit")).toEqual([0, null]);
});

/** The image's entry point with its own root in place of `/`, as its own user where this machine lets us. */
function start(image: BuiltStage, args: readonly string[]): ChildProcess {
  const [program = "", script = ""] = image.entrypoint;
  expect(program).toBe("node");
  const identity = process.getuid?.() === 0 ? { uid: 65_532, gid: 65_532 } : {};
  return spawn(nodeOf(image), [path.join(image.root, script), ...args], {
    cwd: path.join(image.root, image.workingDirectory),
    env: { ...image.environment },
    stdio: ["ignore", "ignore", "pipe"],
    ...identity,
  });
}

/** The base image's `node`: this one, put where that user may reach it. */
function nodeOf(image: BuiltStage): string {
  const file = path.join(image.root, "usr", "local", "bin", "node");
  mkdirSync(path.dirname(file), { recursive: true });
  try {
    linkSync(process.execPath, file);
  } catch {
    copyFileSync(process.execPath, file);
  }
  return file;
}
