import { accessSync, constants } from "node:fs";
import path from "node:path";
import { command } from "./command.ts";
import { bringGoPrograms, findGoPrograms, type GoPrograms, requiredVersion } from "./go-programs.ts";
import { isMissing, type Part } from "./part.ts";

const module = path.join(import.meta.dirname, "kube");
const version = requiredVersion(module, "k8s.io/kubernetes");
const programs: GoPrograms = {
  part: "kube",
  folder: `kube-${version}`,
  module,
  name: "kube-apiserver and etcd",
  cost: "about five minutes, 130 MB",
  builds: [
    { package: "go.etcd.io/etcd/server/v3", program: "etcd", flags: ["-ldflags=-s -w"] },
    {
      package: "k8s.io/kubernetes/cmd/kube-apiserver",
      program: "kube-apiserver",
      flags: [`-ldflags=-s -w ${versionFlags()}`],
    },
  ],
};

/** Kubernetes takes its version from its linker's flags, and guards what it stores and enables by it. */
function versionFlags(): string {
  const [major = "", minor = ""] = version.split(".");
  const facts = { gitVersion: `v${version}`, gitMajor: major, gitMinor: minor };
  return Object.entries(facts)
    .map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
    .join(" ");
}

/** The programs of a Kubernetes control plane that tests start. */
export interface KubePart {
  readonly apiserver: string;
  readonly etcd: string;
}

/**
 * Looks for the programs; builds nothing. `KUBEBUILDER_ASSETS`, where Kubernetes' own tools keep them, goes first: a folder of that name
 * without them is a mistake to be told, not a reason to take others.
 */
export function kubePart(): Part<KubePart> {
  const assets = process.env["KUBEBUILDER_ASSETS"];
  if (assets !== undefined && assets !== "") {
    return programsIn(assets) ?? { missing: `KUBEBUILDER_ASSETS is ${assets}, which has no kube-apiserver and etcd` };
  }
  const built = findGoPrograms(programs);
  return isMissing(built)
    ? built
    : (programsIn(built.folder) ?? { missing: `${built.folder} is not whole: remove it` });
}

/** kubectl: of `KUBEBUILDER_ASSETS` where it is there, else of PATH. People have it, and nobody builds it. */
export function kubectlPart(): Part<{ readonly file: string }> {
  const own = path.join(process.env["KUBEBUILDER_ASSETS"] ?? "", "kubectl");
  const file = path.isAbsolute(own) && isProgram(own) ? own : "kubectl";
  const found = command(file, ["version", "--client"]);
  return "failed" in found ? { missing: "there is no kubectl on PATH" } : { file };
}

/** Builds the programs where they are missing and nobody brings their own. */
export function bringKube(report: (text: string) => void): void {
  if (!process.env["KUBEBUILDER_ASSETS"]) {
    bringGoPrograms(programs, report);
  }
}

function programsIn(folder: string): KubePart | undefined {
  const found = { apiserver: path.join(folder, "kube-apiserver"), etcd: path.join(folder, "etcd") };
  return Object.values(found).every(isProgram) ? found : undefined;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
