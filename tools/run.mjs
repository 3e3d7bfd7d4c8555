#!/usr/bin/env node
// `node tools/run.mjs TASK [ARG …]`: brings Node 24 and the locked packages if they are missing, then runs the task on them.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ensureNode24, npmCommand } from "./node24.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** What each task runs, on Node 24, in the checkout. Arguments after the task's name are passed on. */
const tasks = {
  demo: ["tools/demo.ts"],
  test: ["tools/test.ts"],
  sallyport: ["cli/main.ts"],
  bench: ["bench/main.ts"],
  build: ["tools/bundle.ts"],
  generate: ["tools/generate.ts"],
  lint: ["tools/lint.ts"],
  types: ["tools/types.ts"],
};

function report(text) {
  process.stderr.write(`set-up: ${text}\n`);
}

/** Installs exactly what package-lock.json names, once per lock file. */
function ensurePackages(env) {
  const digest = createHash("sha256")
    .update(readFileSync(path.join(root, "package-lock.json")))
    .digest("hex");
  const stamp = path.join(root, "node_modules", ".sallyport-lock");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === digest) {
    return;
  }
  report("installing the locked packages (about 290 MB, once per lock file)");
  const npm = npmCommand();
  const cli =
    npm.args.length > 0 ? { file: path.join(env.PATH.split(path.delimiter)[0], "node"), args: npm.args } : npm;
  const done = spawnSync(cli.file, [...cli.args, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: root,
    env: { ...env, npm_config_loglevel: "error" },
    stdio: ["ignore", process.stderr, process.stderr],
  });
  if (done.status !== 0) {
    throw new Error("npm could not install the packages. Read its message above; then run the same command again.");
  }
  writeFileSync(stamp, digest);
}

function main() {
  const [task, ...rest] = process.argv.slice(2);
  if (!Object.hasOwn(tasks, task ?? "")) {
    throw new Error(`unknown task "${task ?? ""}". Known: ${Object.keys(tasks).join(", ")}.`);
  }
  const bin = ensureNode24(report);
  const env = { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH}` };
  ensurePackages(env);
  const [script, ...fixed] = tasks[task];
  const child = spawn(path.join(bin, "node"), [path.join(root, script), ...fixed, ...rest], {
    // `sallyport` works on the caller's files; everything else works on the checkout.
    cwd: task === "sallyport" ? process.env.INIT_CWD || process.cwd() : root,
    env,
    stdio: "inherit",
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => child.kill(signal));
  }
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? (signal ? 128 : 1);
  });
}

try {
  main();
} catch (error) {
  process.stderr.write(`error: ${error.message}\n`);
  process.exitCode = 1;
}
