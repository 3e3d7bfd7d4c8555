import path from "node:path";
import { bringGoPrograms, findGoPrograms, type GoPrograms } from "./go-programs.ts";
import { isMissing, type Part } from "./part.ts";

const programs: GoPrograms = {
  part: "promtool",
  folder: "promtool",
  module: path.join(import.meta.dirname, "promtool"),
  name: "promtool",
  cost: "about two minutes, 54 MB",
  builds: [
    {
      package: "github.com/prometheus/prometheus/cmd/promtool",
      program: "promtool",
      // Without its service discoveries it needs the modules of none of them; `plugins/` of Prometheus defines the tag.
      flags: ["-tags=remove_all_sd", "-ldflags=-s -w"],
    },
  ],
};

/** Looks for the program; builds nothing. */
export function promtoolPart(): Part<{ readonly file: string }> {
  const found = findGoPrograms(programs);
  return isMissing(found) ? found : { file: path.join(found.folder, "promtool") };
}

/** Builds it where it is missing. */
export function bringPromtool(report: (text: string) => void): void {
  bringGoPrograms(programs, report);
}
