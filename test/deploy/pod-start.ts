import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type Manifest, type VolumeSource, workloadOf } from "./render.ts";

/** Content of Secrets and ConfigMaps that an installation makes itself: text by key, by name of the object. */
export type GivenFiles = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** The flags and the environment with which a pod starts its controller. */
export interface PodStart {
  /** Flags by name as the command line hands them on: repeated ones joined with commas. */
  readonly flags: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
}

const mounted = "/etc/sallyport/";

/** The certificate, which every installation has. */
const certificate: GivenFiles = { "sallyport-controller-tls": { "tls.crt": "PEM", "tls.key": "PEM" } };

/**
 * Starts the workload's pod as far as its controller's options go: mounts what `given` holds below `scratch`, and resolves variables. A
 * volume of an object that is not given stays empty, so that a flag that names a file in it is found to be wrong.
 */
export function startPod(objects: readonly Manifest[], scratch: string, given: GivenFiles = {}): PodStart {
  const pod = workloadOf(objects).spec.template.spec;
  const [container] = pod.containers;
  const configuration = objects.find(
    ({ kind, metadata }) => kind === "ConfigMap" && /^sallyport-controller\b/.test(metadata.name),
  );
  const environment = { ...(configuration?.["data"] as Record<string, string>), POD_IP: "10.0.0.5" };
  const files = { ...certificate, ...given };
  for (const { name, mountPath } of container?.volumeMounts ?? []) {
    const volume = pod.volumes.find((candidate) => candidate.name === name);
    const folder = path.join(scratch, mountPath);
    mkdirSync(folder, { recursive: true });
    for (const [file, text] of volume === undefined ? [] : filesOf(volume, files)) {
      writeFileSync(path.join(folder, file), text);
    }
  }
  const [, ...args] = container?.args ?? [];
  const flags: Record<string, string> = { "identity-permission-set": "sallyport" };
  for (const arg of args) {
    const [, name = "", text] = /^--([a-z-]+)(?:=(.*))?$/.exec(arg) ?? [];
    const value = expanded(text ?? "true", environment).replace(mounted, path.join(scratch, mounted));
    flags[name] = name in flags ? `${flags[name]},${value}` : value;
  }
  return { flags, environment };
}

/** Kubernetes reference, Container.args: a variable that is not known stays as it is. */
function expanded(text: string, environment: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\((\w+)\)/g, (whole, variable: string) => environment[variable] ?? whole);
}

/** The files that a volume shows: all keys of an object, or the chosen ones under other names. */
function filesOf(volume: VolumeSource, given: GivenFiles): readonly (readonly [string, string])[] {
  const sources = volume.projected?.sources ?? [volume];
  return sources.flatMap(({ secret, configMap }) => {
    const found = given[secret?.secretName ?? secret?.name ?? configMap?.name ?? ""] ?? {};
    const items = secret?.items ?? configMap?.items ?? Object.keys(found).map((key) => ({ key, path: key }));
    return items.flatMap((item) =>
      found[item.key] === undefined ? [] : [[item.path, found[item.key] ?? ""] as const],
    );
  });
}
