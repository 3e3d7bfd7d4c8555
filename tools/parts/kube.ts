import { createHash } from "node:crypto";
import { accessSync, constants, globSync, readFileSync } from "node:fs";
import path from "node:path";
import { cacheDirectory } from "../node24.mjs";
import { build, findBuilt } from "./built.ts";
import { command, versionOf } from "./command.ts";
import { alone } from "./lock.ts";
import { isMissing, type Part, reasonFor, rememberMissing } from "./part.ts";

/** A Go module of ours that requires the two programs: `go.mod` pins their versions, `go.sum` the checksum of everything in them. */
const module = path.join(import.meta.dirname, "kube");

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
  const built = findBuilt(target());
  return (built && programsIn(built.folder)) ?? { missing: reasonFor("kube") };
}

/** kubectl: of `KUBEBUILDER_ASSETS` where it is there, else of PATH. People have it, and nobody builds it. */
export function kubectlPart(): Part<{ readonly file: string }> {
  const own = path.join(process.env["KUBEBUILDER_ASSETS"] ?? "", "kubectl");
  const file = path.isAbsolute(own) && isProgram(own) ? own : "kubectl";
  const found = command(file, ["version", "--client"]);
  return "failed" in found ? { missing: "there is no kubectl on PATH" } : { file };
}

/** Builds the programs once from their modules: about five minutes on two cores, 130 MB. */
export function bringKube(report: (text: string) => void): void {
  if (!isMissing(kubePart()) || process.env["KUBEBUILDER_ASSETS"]) {
    return;
  }
  const brought = alone(`${target()}.lock`, () => findBuilt(target()) ?? buildKube(report));
  if (isMissing(brought)) {
    rememberMissing("kube", brought.missing);
  }
}

function buildKube(report: (text: string) => void): Part<{ readonly folder: string }> {
  if (versionOf("go", "version") === undefined) {
    return { missing: "there is no Go to build kube-apiserver and etcd with, and KUBEBUILDER_ASSETS is not set" };
  }
  report("building kube-apiserver and etcd from their Go modules (about five minutes, 130 MB, once)");
  return build(target(), (staging) => {
    for (const [name, { package: from, flags }] of Object.entries(programs())) {
      const args = ["-C", module, "build", "-mod=readonly", "-trimpath", `-ldflags=-s -w ${flags}`];
      const done = command("go", [...args, "-o", path.join(staging, name), from], { CGO_ENABLED: "0", GOWORK: "off" });
      if ("failed" in done) {
        return `${name} could not be built: ${done.failed}`;
      }
    }
    return undefined;
  });
}

/** Kubernetes takes its version from its linker's flags, and guards what it stores and enables by it. */
function programs(): Readonly<Record<string, { package: string; flags: string }>> {
  const version = kubernetesVersion();
  const [major = "", minor = ""] = version.split(".");
  const facts = { gitVersion: `v${version}`, gitMajor: major, gitMinor: minor };
  const flags = Object.entries(facts).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`);
  return {
    etcd: { package: "go.etcd.io/etcd/server/v3", flags: "" },
    "kube-apiserver": { package: "k8s.io/kubernetes/cmd/kube-apiserver", flags: flags.join(" ") },
  };
}

function kubernetesVersion(): string {
  const version = /^\tk8s\.io\/kubernetes v(\S+)/m.exec(readFileSync(path.join(module, "go.mod"), "utf8"))?.[1];
  if (version === undefined) {
    throw new Error("tools/parts/kube/go.mod does not require k8s.io/kubernetes");
  }
  return version;
}

/** A folder for exactly these modules: what pins them is in its name. */
function target(): string {
  const hash = createHash("sha256");
  for (const file of globSync("go.{mod,sum}", { cwd: module }).toSorted()) {
    hash.update(`${file}\0`).update(readFileSync(path.join(module, file)));
  }
  return path.join(cacheDirectory(), `kube-${kubernetesVersion()}-${hash.digest("hex").slice(0, 12)}`);
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
