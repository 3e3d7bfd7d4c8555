import { copyFileSync, existsSync } from "node:fs";
import path from "node:path";
import { cacheDirectory } from "../node24.mjs";
import { build, findBuilt } from "./built.ts";
import { command } from "./command.ts";
import { alone } from "./lock.ts";
import { isMissing, type Part, reasonFor, remember } from "./part.ts";

/** The Prometheus Operator as a Go module, which has its definitions as files, and its checksum as `go.sum` would have it. */
const module = "github.com/prometheus-operator/prometheus-operator";
const version = "v0.85.0";
const checksum = "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=";

/** Definitions of the two kinds that we have objects of. */
const files = ["podmonitors", "prometheusrules"].map((kind) => `monitoring.coreos.com_${kind}.yaml`);

const name = "definitions of the Prometheus Operator";

/** Looks for the CRDs of the Prometheus Operator: absolute paths. Brings nothing. */
export function operatorDefinitionsPart(): Part<{ readonly files: readonly string[] }> {
  const built = findBuilt(target());
  const there = files.map((file) => path.join(built?.folder ?? "", file));
  return built === undefined || !there.every((file) => existsSync(file))
    ? { missing: reasonFor(name) }
    : { files: there };
}

/** Brings them once: a download of 4 MB, of which 75 KB are kept. */
export function bringOperatorDefinitions(report: (text: string) => void): void {
  if (!isMissing(operatorDefinitionsPart())) {
    return;
  }
  remember(
    name,
    alone(`${target()}.lock`, () => findBuilt(target()) ?? download(report)),
  );
}

function download(report: (text: string) => void): Part<{ readonly folder: string }> {
  report("bringing the definitions of the Prometheus Operator from its Go module (4 MB, once)");
  return build(target(), (staging) => {
    const done = command("go", ["mod", "download", "-json", `${module}@${version}`], { GOWORK: "off" });
    if ("failed" in done) {
      return `the module of the Prometheus Operator could not be brought: ${done.failed}`;
    }
    const { Dir: folder, Sum: sum } = JSON.parse(done.output) as { readonly Dir: string; readonly Sum: string };
    if (sum !== checksum) {
      return `the module of the Prometheus Operator has the checksum ${sum} and not the one that is pinned`;
    }
    for (const file of files) {
      copyFileSync(path.join(folder, "example", "prometheus-operator-crd", file), path.join(staging, file));
    }
    return undefined;
  });
}

function target(): string {
  return path.join(cacheDirectory(), `prometheus-operator-definitions-${version}`);
}
