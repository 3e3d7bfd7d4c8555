import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync } from "node:fs";
import path from "node:path";
import { cacheDirectory } from "../node24.mjs";
import { build, findBuilt } from "./built.ts";
import { command } from "./command.ts";
import { alone } from "./lock.ts";
import { isMissing, type Part, reasonFor, rememberMissing } from "./part.ts";

/** A Go module of ours that requires Helm: `go.mod` pins its version, `go.sum` the checksum of everything in it. */
const module = path.join(import.meta.dirname, "helm");

/** Looks for the program; builds nothing. */
export function helmPart(): Part<{ readonly file: string }> {
  const built = findBuilt(target());
  const file = path.join(built?.folder ?? "", "helm");
  return built === undefined || !existsSync(file) ? { missing: reasonFor("helm") } : { file };
}

/** Builds Helm once from its module: about two minutes on two cores, 65 MB. */
export function bringHelm(report: (text: string) => void): void {
  if (!isMissing(helmPart())) {
    return;
  }
  const brought = alone(`${target()}.lock`, () => findBuilt(target()) ?? buildHelm(report));
  if (isMissing(brought)) {
    rememberMissing("helm", brought.missing);
  }
}

function buildHelm(report: (text: string) => void): Part<{ readonly folder: string }> {
  report("building Helm from its Go module (about two minutes, 65 MB, once)");
  const flags = `-ldflags=-s -w -X helm.sh/helm/v4/internal/version.version=v${helmVersion()}`;
  return build(target(), (staging) => {
    const args = ["-C", module, "build", "-mod=readonly", "-trimpath", flags, "-o", path.join(staging, "helm")];
    const done = command("go", [...args, "helm.sh/helm/v4/cmd/helm"], { CGO_ENABLED: "0", GOWORK: "off" });
    return "failed" in done ? `Helm could not be built: ${done.failed}` : undefined;
  });
}

/** Version of the module that is built. */
function helmVersion(): string {
  const version = /\bhelm\.sh\/helm\/v4 v(\S+)/.exec(readFileSync(path.join(module, "go.mod"), "utf8"))?.[1];
  if (version === undefined) {
    throw new Error("tools/parts/helm/go.mod does not require helm.sh/helm/v4");
  }
  return version;
}

/** A folder for exactly these modules: what pins them is in its name. */
function target(): string {
  const hash = createHash("sha256");
  for (const file of globSync("go.{mod,sum}", { cwd: module }).toSorted()) {
    hash.update(`${file}\0`).update(readFileSync(path.join(module, file)));
  }
  return path.join(cacheDirectory(), `helm-${helmVersion()}-${hash.digest("hex").slice(0, 12)}`);
}
