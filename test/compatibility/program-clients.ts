import { readFileSync } from "node:fs";
import path from "node:path";
import { driverParts } from "#tools/parts/drivers.ts";
import { isMissing } from "#tools/parts/part.ts";
import { repository } from "#test/harness/process.ts";
import type { Client } from "./client.ts";
import { runSteps } from "./program.ts";

/** A client that this machine may lack. */
export type MatrixClient = Client | { readonly title: string; readonly missing: string };

const folder = path.join(import.meta.dirname, "clients");

/** Version that a file of pins names: the first group of `pattern`. */
function pinned(file: string, pattern: RegExp): string {
  return pattern.exec(readFileSync(file, "utf8"))?.[1] ?? "?";
}

/** A driver of npm: its program runs on the Node of the tests. */
export function nodeClient(driver: string, program: string): MatrixClient {
  const version = pinned(path.join(repository, "package.json"), new RegExp(`"${driver}": "([^"]+)"`));
  return {
    title: `${driver} ${version}`,
    run: (target, watch) => runSteps(process.execPath, [path.join(folder, program)], target, watch),
  };
}

/** A driver of PyPI. */
export async function pythonClient(driver: string, program: string): Promise<MatrixClient> {
  const version = pinned(path.join(folder, "requirements.txt"), new RegExp(`^${driver}==(\\S+)`, "im"));
  const { python } = await driverParts();
  const title = `${driver} ${version}`;
  return isMissing(python)
    ? { title, missing: python.missing }
    : { title, run: (target, watch) => runSteps(python.file, [path.join(folder, program)], target, watch) };
}

/** A Go module. */
export async function goClient(name: string, module: string, program: string): Promise<MatrixClient> {
  const version = pinned(path.join(folder, "go", "go.mod"), new RegExp(`${module} v(\\S+)`));
  const { go } = await driverParts();
  const title = `${name} ${version}`;
  return isMissing(go)
    ? { title, missing: go.missing }
    : { title, run: (target, watch) => runSteps(path.join(go.folder, program), [], target, watch) };
}

/** A driver from Maven. */
export async function javaClient(name: string, artifact: string, program: string): Promise<MatrixClient> {
  const version = pinned(
    path.join(folder, "java", "pom.xml"),
    new RegExp(`<artifactId>${artifact}</artifactId>\\s*<version>([^<]+)<`),
  );
  const { java } = await driverParts();
  const title = `${name} ${version}`;
  // The first stage of the compiler is enough for a program of a second, and starts it sooner.
  const options = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-cp"];
  return isMissing(java)
    ? { title, missing: java.missing }
    : { title, run: (target, watch) => runSteps("java", [...options, java.classPath, program], target, watch) };
}
