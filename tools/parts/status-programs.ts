import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { cacheDirectory } from "../node24.mjs";
import { build, findBuilt } from "./built.ts";
import { command } from "./command.ts";
import { isMissing, type Part, reasonFor, rememberMissing } from "./part.ts";

/** Sources of the programs that judge our status as other people's tools do; `go.mod` and `go.sum` pin all that is in them. */
const sources = path.join(import.meta.dirname, "..", "..", "test", "cluster", "status-programs");

/** The kstatus library and Argo CD's Lua engine, each as a program that answers line by line. */
export interface StatusPrograms {
  readonly kstatus: string;
  readonly argoLua: string;
}

/** Looks for the programs; builds nothing. */
export function statusPrograms(): Part<StatusPrograms> {
  const built = findBuilt(target());
  return built === undefined
    ? { missing: reasonFor("status programs") }
    : { kstatus: path.join(built.folder, "kstatus"), argoLua: path.join(built.folder, "argo-lua") };
}

/** Builds the programs once from their modules: about a minute, 20 MB. */
export function bringStatusPrograms(report: (text: string) => void): void {
  if (!isMissing(statusPrograms())) {
    return;
  }
  report("building the kstatus and Lua programs from their Go modules (about a minute, once)");
  const args = ["-C", sources, "build", "-mod=readonly", "-trimpath", "-o"];
  const brought = build(target(), (staging) => {
    const done = command("go", [...args, `${staging}/`, "./..."], { CGO_ENABLED: "0", GOWORK: "off" });
    return "failed" in done ? `the kstatus and Lua programs could not be built: ${done.failed}` : undefined;
  });
  if (isMissing(brought)) {
    rememberMissing("status programs", brought.missing);
  }
}

/** A folder for exactly these sources: their names and contents are in its name. */
function target(): string {
  const hash = createHash("sha256");
  for (const file of globSync("{go.mod,go.sum,*/*.go}", { cwd: sources }).toSorted()) {
    hash.update(`${file}\0`).update(readFileSync(path.join(sources, file)));
  }
  return path.join(cacheDirectory(), `status-programs-${hash.digest("hex").slice(0, 12)}`);
}
