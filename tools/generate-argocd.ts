import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { stringify } from "yaml";
import { getCondition, type AnyObject } from "#kinds/index.ts";
import { grantSituations, otherSituations, type Situation } from "#test/cluster/status-situations.ts";

const root = path.join("manifests", "argocd");
const customizations = path.join(root, "resource_customizations", "sallyport.dev");

/** Which actions each kind has, in the order in which people see them. */
const actionsOf: Readonly<Record<string, readonly string[]>> = {
  Proxy: ["refresh", "suspend", "resume"],
  Database: ["refresh"],
  AccessWorkflow: ["refresh"],
  Availability: ["refresh", "suspend", "resume"],
  Grant: ["refresh", "revoke", "suspend", "resume"],
  GrantReview: ["refresh"],
};

const unseen = "Waiting for Sallyport to look at the change.";

/**
 * What Argo CD gets of us, from `manifests/argocd/scripts` and the situations that tests know: its own layout with test data, to be
 * contributed as it is, and the same scripts as settings of `argocd-cm`. Answers the files that were out of date.
 */
export function generateArgocd({ check }: { readonly check: boolean }): string[] {
  const files = new Map<string, string>();
  for (const [kind, actions] of Object.entries(actionsOf)) {
    const folder = path.join(customizations, kind);
    files.set(path.join(folder, "health.lua"), script("health.lua"));
    files.set(path.join(folder, "actions", "discovery.lua"), script("discovery.lua"));
    for (const action of actions) {
      files.set(path.join(folder, "actions", action, "action.lua"), script(`actions/${action}.lua`));
    }
    addHealthTests(files, folder, kind);
    addActionTests(files, path.join(folder, "actions"), kind, actions);
  }
  files.set(path.join(root, "argocd-cm.yaml"), settings());
  const stale = [...files].filter(([file, text]) => current(file) !== text);
  for (const [file, text] of check ? [] : stale) {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return stale.map(([file]) => file);
}

function addHealthTests(files: Map<string, string>, folder: string, kind: string): void {
  const tests = [...grantSituations, ...otherSituations]
    .filter(({ object }) => object.kind === kind)
    .map((situation) => {
      const inputPath = `testdata/${fileName(situation)}`;
      files.set(path.join(folder, inputPath), yaml(plain(situation.object)));
      return { healthStatus: { status: situation.argo, message: messageOf(situation.object) }, inputPath };
    });
  if (tests.length > 0) {
    files.set(path.join(folder, "health_test.yaml"), yaml({ tests }));
  }
}

/** What an action makes of an object, said without Lua. */
const effects: Readonly<Record<string, (object: Plain) => Plain>> = {
  refresh: (object) => ({
    ...object,
    metadata: { ...object.metadata, annotations: { "sallyport.dev/reconcile-requested-at": resourceVersion } },
  }),
  revoke: (object) => ({ ...object, spec: { ...object.spec, revocation: { reason: "Revoked in Argo CD." } } }),
  suspend: (object) => ({ ...object, spec: { ...object.spec, suspend: true } }),
  resume: (object) => {
    const { suspend: _, ...spec } = object.spec;
    return { ...object, spec };
  },
};

const icons: Readonly<Record<string, string>> = { refresh: "rotate", revoke: "ban", suspend: "pause", resume: "play" };
const resourceVersion = "1000";

interface Plain {
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/** Objects on which actions are tried, and which actions are of no use there. */
function actionInputs(kind: string): readonly { name: string; object: Plain; disabled: readonly string[] }[] {
  const all = [...grantSituations, ...otherSituations].filter(({ object }) => object.kind === kind);
  const find = (name: string): Plain | undefined => {
    const found = all.find((situation) => situation.name === name || situation.name === `${kind} ${name}`)?.object;
    return found === undefined ? undefined : (plain(found) as Plain);
  };
  const first = find("live") ?? (all[0] === undefined ? aReview : (plain(all[0].object) as Plain));
  const held: Plain = { ...first, spec: { ...first.spec, suspend: true } };
  const ended = find("ended");
  const at = (object: Plain): Plain => ({ ...object, metadata: { ...object.metadata, resourceVersion } });
  return [
    { name: "ordinary", object: at(first), disabled: ["resume"] },
    ...(actionsOf[kind]?.includes("resume") === true
      ? [{ name: "held", object: at(held), disabled: ["suspend"] }]
      : []),
    ...(ended === undefined ? [] : [{ name: "ended", object: at(ended), disabled: ["revoke", "suspend", "resume"] }]),
  ];
}

const aReview: Plain = {
  apiVersion: "sallyport.dev/v1alpha1",
  kind: "GrantReview",
  metadata: { name: "ada-orders-grace", namespace: "default", generation: 1 },
  spec: { grantRef: { name: "ada-orders" }, grantDigest: `sha256:${"0".repeat(64)}`, decision: "Approve" },
};

function addActionTests(files: Map<string, string>, folder: string, kind: string, actions: readonly string[]): void {
  const inputs = actionInputs(kind);
  const discoveryTests = inputs.map(({ name, object, disabled }) => {
    const inputPath = `testdata/${name}.yaml`;
    files.set(path.join(folder, inputPath), yaml(object));
    const result = actions.map((action) => ({
      name: action,
      disabled: disabled.includes(action),
      iconClass: `fa fa-fw fa-${icons[action] ?? ""}`,
    }));
    return { inputPath, result };
  });
  const actionTests = actions.map((action) => {
    const from = inputs.find(({ disabled }) => !disabled.includes(action)) ?? inputs[0];
    const input = from ?? { name: "ordinary", object: aReview };
    const expectedOutputPath = `testdata/${input.name}-${action}.yaml`;
    files.set(path.join(folder, expectedOutputPath), yaml(effects[action]?.(input.object)));
    return { action, inputPath: `testdata/${input.name}.yaml`, expectedOutputPath };
  });
  files.set(path.join(folder, "action_test.yaml"), yaml({ discoveryTests, actionTests }));
}

function fileName({ name, object }: Situation): string {
  const words = name.replace(`${object.kind} `, "").toLowerCase();
  return `${words.replaceAll(/[^a-z0-9]+/g, "-")}.yaml`;
}

function messageOf({ metadata, status }: AnyObject): string {
  const ready = getCondition((status as { conditions?: Parameters<typeof getCondition>[0] }).conditions, "Ready");
  return ready?.observedGeneration === metadata.generation ? (ready?.message ?? "") : unseen;
}

/** The settings that make an Argo CD without our contribution know the kinds (operator manual, "Resource Health", "Resource Actions"). */
function settings(): string {
  const data: Record<string, string> = {};
  for (const [kind, names] of Object.entries(actionsOf)) {
    data[`resource.customizations.health.sallyport.dev_${kind}`] = script("health.lua");
    const definitions = names.map((name) => ({ name, "action.lua": script(`actions/${name}.lua`) }));
    data[`resource.customizations.actions.sallyport.dev_${kind}`] = stringify({
      "discovery.lua": script("discovery.lua"),
      definitions,
    });
  }
  const patch = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "argocd-cm" }, data };
  return `# Made from manifests/argocd/scripts by npm run generate. A patch of Argo CD's own ConfigMap:
#   kubectl patch configmap argocd-cm --namespace argocd --patch-file manifests/argocd/argocd-cm.yaml
${stringify(patch)}`;
}

function script(name: string): string {
  return readFileSync(path.join(root, "scripts", name), "utf8");
}

/** As parsers of YAML 1.1 read it too: what they would take for an instant or a truth is quoted. */
function yaml(value: unknown): string {
  return stringify(value, { version: "1.1", aliasDuplicateObjects: false });
}

/** Without what is undefined, as a server would send it. */
function plain(object: AnyObject): unknown {
  return JSON.parse(JSON.stringify(object));
}

function current(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
