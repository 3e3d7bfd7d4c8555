import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { parseAllDocuments } from "yaml";
import { repository } from "#test/harness/process.ts";

/** An object as a manifest says it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** The overlays of manifests/kustomize. */
export const overlays = ["single", "high-availability", "namespaced"] as const;

export const chart = path.join(repository, "manifests", "helm", "sallyport");

/** The manifest that `kubectl kustomize` makes of an overlay. */
export async function kustomize(overlay: (typeof overlays)[number]): Promise<string> {
  const folder = path.join(repository, "manifests", "kustomize", "overlays", overlay);
  return run("kubectl", ["kustomize", folder]);
}

/** The same with components, and more values in its config.env, as somebody would write it; made in the folder `scratch`. */
export async function kustomizeWith(
  scratch: string,
  overlay: (typeof overlays)[number],
  components: readonly string[],
  values: Readonly<Record<string, string>>,
): Promise<string> {
  const folder = path.relative(scratch, path.join(repository, "manifests", "kustomize"));
  const kustomization = {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    resources: [`${folder}/overlays/${overlay}`],
    components: components.map((component) => `${folder}/components/${component}`),
    configMapGenerator: [
      {
        name: "sallyport-controller",
        namespace: "sallyport-system",
        behavior: "merge",
        literals: Object.entries(values).map(([name, value]) => `${name}=${value}`),
      },
    ],
  };
  writeFileSync(path.join(scratch, "kustomization.yaml"), JSON.stringify(kustomization));
  return run("kubectl", ["kustomize", scratch]);
}

/** Runs a program to its end; its standard output. Rejects with what it said. */
export async function run(
  file: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { stdout } = await promisify(execFile)(file, args, {
    env: { ...process.env, ...environment },
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

/** The objects of a manifest. Throws where it is not YAML. */
export function objectsOf(manifest: string): Manifest[] {
  return parseAllDocuments(manifest)
    .map((document) => {
      if (document.errors.length > 0) {
        throw document.errors[0];
      }
      return document.toJS() as Manifest | null;
    })
    .filter((object) => object !== null);
}

/** `Kind namespace/name`. */
export function nameOf({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.namespace === undefined ? "" : `${metadata.namespace}/`}${metadata.name}`;
}

/** The controller's workload among the objects. Throws where there is none. */
export function workloadOf(objects: readonly Manifest[]): Workload {
  const found = objects.find(({ kind }) => kind === "StatefulSet");
  if (found === undefined) {
    throw new Error("there is no StatefulSet");
  }
  return found as unknown as Workload;
}

/** What tests look at in the StatefulSet. */
export interface Workload {
  readonly spec: {
    readonly replicas: number;
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: {
        readonly serviceAccountName: string;
        readonly containers: readonly {
          readonly args: readonly string[];
          readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
          readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
        }[];
        readonly volumes: readonly ({ readonly name: string } & VolumeSource)[];
      };
    };
  };
}

/** Where the files of a volume come from. */
export interface VolumeSource {
  readonly secret?: { readonly secretName?: string; readonly name?: string; readonly items?: readonly KeyToPath[] };
  readonly configMap?: { readonly name: string; readonly items?: readonly KeyToPath[] };
  readonly projected?: { readonly sources: readonly VolumeSource[] };
}

interface KeyToPath {
  readonly key: string;
  readonly path: string;
}
