import path from "node:path";
import { bringGoPrograms, findGoPrograms, type GoPrograms } from "./go-programs.ts";
import { isMissing, type Part } from "./part.ts";

const programs: GoPrograms = {
  part: "status programs",
  folder: "status-programs",
  module: path.join(import.meta.dirname, "..", "..", "test", "cluster", "status-programs"),
  name: "the kstatus and Lua programs",
  cost: "about a minute, 20 MB",
  builds: [{ package: "./..." }],
};

/** What judges our status as other people's tools do: the kstatus library and Argo CD's Lua engine, each as a program that answers line by line. */
export interface StatusPrograms {
  readonly kstatus: string;
  readonly argoLua: string;
}

/** Looks for the programs; builds nothing. */
export function statusPrograms(): Part<StatusPrograms> {
  const found = findGoPrograms(programs);
  return isMissing(found)
    ? found
    : { kstatus: path.join(found.folder, "kstatus"), argoLua: path.join(found.folder, "argo-lua") };
}

/** Builds them where they are missing. */
export function bringStatusPrograms(report: (text: string) => void): void {
  bringGoPrograms(programs, report);
}
