import { execFile } from "node:child_process";
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
        }[];
        readonly volumes: readonly { readonly name: string }[];
      };
    };
  };
}
