import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import type { KindDefinition, Schema } from "#kinds/schema.ts";
import { conditionType, kindTypes } from "./kind-types.ts";

const root = path.dirname(import.meta.dirname);
const target = path.join(root, "kinds", "generated");
const banner = "// Generated from crds/ by `npm run generate`. Do not edit: change the CRD and generate again.\n";

interface Crd {
  readonly spec: {
    readonly group: string;
    readonly names: {
      readonly kind: string;
      readonly plural: string;
      readonly singular: string;
      readonly shortNames: readonly string[];
    };
    readonly versions: readonly { readonly name: string; readonly schema: { readonly openAPIV3Schema: Schema } }[];
  };
}

/**
 * Writes `kinds/generated/` from `crds/`, or with `check` only compares. The same CRDs always give the same bytes.
 * @returns paths, relative to the checkout, of the files that differed
 */
export function generateKinds({ check }: { readonly check: boolean }): readonly string[] {
  const wanted = render(readCrds());
  const differing = [...wanted]
    .filter(([name, text]) => readIfThere(path.join(target, name)) !== text)
    .map(([name]) => name);
  const stale = readdirIfThere(target).filter((name) => !wanted.has(name));
  if (!check) {
    mkdirSync(target, { recursive: true });
    for (const name of stale) {
      rmSync(path.join(target, name));
    }
    for (const name of differing) {
      writeFileSync(path.join(target, name), wanted.get(name) ?? "");
    }
  }
  return [...differing, ...stale].map((name) => path.posix.join("kinds/generated", name)).sort();
}

function readCrds(): readonly Crd[] {
  const folder = path.join(root, "crds");
  return readdirSync(folder)
    .filter((name) => name.endsWith(".yaml"))
    .sort()
    .map((name) => parse(readFileSync(path.join(folder, name), "utf8")) as Crd);
}

/** File name → text of everything in `kinds/generated/`. */
function render(crds: readonly Crd[]): Map<string, string> {
  const files = new Map<string, string>();
  const definitions: Record<string, KindDefinition> = {};
  const apiVersions = new Set<string>();
  let condition: string | undefined;
  for (const { spec } of crds) {
    const { kind, plural, singular, shortNames } = spec.names;
    const [version, another] = spec.versions;
    if (version === undefined || another !== undefined) {
      throw new Error(`${kind}: exactly one version is expected`);
    }
    const schema = version.schema.openAPIV3Schema;
    const apiVersion = `${spec.group}/${version.name}`;
    apiVersions.add(apiVersion);
    definitions[kind] = { kind, plural, singular, shortNames, schema };
    files.set(`${singular}.ts`, banner + kindTypes({ kind, schema }, apiVersion));
    condition ??= conditionType(schema.properties?.["status"]?.properties?.["conditions"]?.items ?? {});
  }
  const [apiVersion, another] = [...apiVersions];
  if (apiVersion === undefined || another !== undefined) {
    throw new Error("the CRDs must share one group and version");
  }
  files.set("condition.ts", `${banner}${condition ?? ""}`);
  files.set("schemas.ts", banner + definitionsModule(definitions, apiVersion));
  return files;
}

function definitionsModule(definitions: Record<string, KindDefinition>, apiVersion: string): string {
  const kinds = Object.keys(definitions).sort();
  const union = kinds.map((kind) => JSON.stringify(kind)).join(" | ");
  return [
    `import type { KindDefinition } from "../schema.ts";`,
    `${kinds.map((kind) => `import type { ${kind} } from "./${kind.toLowerCase()}.ts";`).join("\n")}`,
    `\n/** Group and version of all kinds. */\nexport const apiVersion = ${JSON.stringify(apiVersion)};`,
    `\n/** Name of a kind. */\nexport type Kind = ${union};`,
    `\n/** An object of any kind. */\nexport type AnyObject = ${kinds.join(" | ")};`,
    `\n/** All kinds. */\nexport const kinds: readonly Kind[] = ${JSON.stringify(kinds)};`,
    "\n/** Names and schema of each kind, as in its CRD. */",
    `export const definitions: { readonly [K in Kind]: KindDefinition } = ${JSON.stringify(definitions, null, 2)};`,
    "",
  ].join("\n");
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function readdirIfThere(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

if (import.meta.main) {
  const check = process.argv.includes("--check");
  const changed = generateKinds({ check });
  for (const file of changed) {
    console.log(`${check ? "out of date" : "written"}: ${file}`);
  }
  process.exitCode = check && changed.length > 0 ? 1 : 0;
}
