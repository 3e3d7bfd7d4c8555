import path from "node:path";
import { bringGoPrograms, findGoPrograms, type GoPrograms, requiredVersion } from "./go-programs.ts";
import { isMissing, type Part } from "./part.ts";

const module = path.join(import.meta.dirname, "helm");
const version = requiredVersion(module, "helm.sh/helm/v4");
const programs: GoPrograms = {
  part: "helm",
  folder: `helm-${version}`,
  module,
  name: "Helm",
  cost: "about two minutes, 65 MB",
  builds: [
    {
      package: "helm.sh/helm/v4/cmd/helm",
      program: "helm",
      flags: [`-ldflags=-s -w -X helm.sh/helm/v4/internal/version.version=v${version}`],
    },
  ],
};

/** Looks for the program; builds nothing. */
export function helmPart(): Part<{ readonly file: string }> {
  const found = findGoPrograms(programs);
  return isMissing(found) ? found : { file: path.join(found.folder, "helm") };
}

/** Builds it where it is missing. */
export function bringHelm(report: (text: string) => void): void {
  bringGoPrograms(programs, report);
}
