import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { ControlPlane } from "#test/harness/control-plane.ts";
import { helmPart } from "#tools/parts/helm.ts";
import { isMissing } from "#tools/parts/part.ts";
import { chart, run } from "./render.ts";

/** Values that the chart cannot do without, the same as in manifests/kustomize/overlays. */
export const requiredValues = {
  installation: "main",
  publicURL: "https://sallyport.example.com",
  startURL: "https://d-93671a2b3c.awsapps.com/start",
  region: "eu-west-1",
} as const;

/** Why Helm cannot be used here; undefined when it can. */
export function helmMissing(): string | undefined {
  const part = helmPart();
  return isMissing(part) ? part.missing : undefined;
}

/** Helm with folders of its own, so that it neither reads nor leaves anything of the person who runs the tests. */
export class Helm {
  readonly #home = mkdtempSync(path.join(tmpdir(), "sallyport-helm-"));
  readonly #kubeconfig: string | undefined;

  constructor(cluster?: ControlPlane) {
    this.#kubeconfig = cluster?.kubeconfigFile;
  }

  /** Standard output of `helm …`. Rejects with all that it said. */
  run(...args: string[]): Promise<string> {
    const part = helmPart();
    if (isMissing(part)) {
      throw new Error(part.missing);
    }
    const folders = { HELM_CACHE_HOME: this.#home, HELM_CONFIG_HOME: this.#home, HELM_DATA_HOME: this.#home };
    const kubeconfig = this.#kubeconfig === undefined ? [] : ["--kubeconfig", this.#kubeconfig];
    return run(part.file, [...args, ...kubeconfig], folders);
  }

  /** The manifest that the chart makes of these values in the namespace sallyport-system. */
  template(values: Readonly<Record<string, unknown>>): Promise<string> {
    return this.run("template", "sallyport", chart, "--namespace", "sallyport-system", ...setting(values));
  }

  remove(): void {
    rmSync(this.#home, { recursive: true, force: true });
  }
}

/** Flags that set the required values and these. */
export function setting(values: Readonly<Record<string, unknown>> = {}): string[] {
  return Object.entries({ ...requiredValues, ...values }).flatMap(([name, value]) => [
    "--set-json",
    `${name}=${JSON.stringify(value)}`,
  ]);
}
