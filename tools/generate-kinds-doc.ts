import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import type { Schema } from "#kinds/schema.ts";

const target = path.join("docs", "kinds.md");

/** Reading order: from what a person writes most to what operators write once. */
const order = ["Grant", "GrantReview", "Availability", "AccessWorkflow", "Database", "Proxy"];

interface Crd {
  readonly spec: {
    readonly names: { readonly kind: string; readonly plural: string; readonly shortNames: readonly string[] };
    readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: Schema } }[];
  };
}

/** Writes `docs/kinds.md` from `crds/`, or with `check` only compares; the paths of what differed. */
export function generateKindsDocument({ check }: { readonly check: boolean }): string[] {
  const crds = readdirSync("crds")
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => parse(readFileSync(path.join("crds", name), "utf8")) as Crd)
    .toSorted((one, other) => order.indexOf(one.spec.names.kind) - order.indexOf(other.spec.names.kind));
  const text = `${[introduction, ...crds.map(describeKind)].join("\n")}\n`;
  if (readIfThere() === text) {
    return [];
  }
  if (!check) {
    writeFileSync(target, text);
  }
  return [target];
}

function readIfThere(): string {
  try {
    return readFileSync(target, "utf8");
  } catch {
    return "";
  }
}

const introduction = `# Kinds

Generated from [crds/](../crds/) by \`npm run generate\`. API group \`sallyport.dev\`, version \`v1alpha1\`, category \`access\`. All kinds are namespaced; a
file that names no namespace means \`default\`. A \`!\` marks what is required once its parent is given. Instants are RFC 3339.

## Conditions of a Grant

\`Ready\` says that the controller has converged, \`Active\` that access is live now. An ended Grant is ready and not active.

| Situation | Ready | Active | Others |
|---|---|---|---|
| first visit | Unknown \`Progressing\` | Unknown | Reconciling |
| waiting for approval | False \`PendingApproval\` | False | Reconciling, Approved=Unknown |
| approved, before its start time | False \`Scheduled\` | False | Reconciling, Approved; nothing is in AWS meanwhile |
| provisioning | False \`Provisioning\` | False | Reconciling |
| live | True \`Active\` | True | Approved, Provisioned |
| AWS error that is retried | False \`ProviderError\` | as known | Reconciling \`ProgressingWithRetry\` |
| AWS does not accept the controller's credentials | False \`CredentialsNotAccepted\` | as known | Reconciling \`ProgressingWithRetry\` |
| no room among the permission sets of the account or instance | False \`QuotaExceeded\` | False | Reconciling; nothing is in AWS meanwhile |
| others are assigned to its set by hand | while live False \`DriftDetected\`, after its end False \`ForeignAssignment\` | True, then False | Stalled after its end, looked at every five minutes |
| denied, or not approved in time | False \`Denied\`, \`ApprovalDeadlinePassed\` | False | Stalled, Approved=False, Denied; final |
| invalid, not owned | False, reason says which | False | Stalled |
| live by break-glass | as it is | as it is | BreakGlass=True, for good |
| an extension that is asked for and not given | as it is | as it is | Extended=False: \`ExtensionNotAllowed\`, or \`TooEarly\` until it counts |
| live, and its end is near | as it is | as it is | Expiring=True for as long as \`controller --warn-before-end\` says (five minutes); never in a window that is no longer than that |
| expiring, revoking | False \`Revoking\` | True until confirmed | Reconciling |
| ended | True \`Expired\` or \`Revoked\` | False, same reason | |
| revocation failing | False \`RevocationFailed\` | True | Reconciling |
| suspended before activation | False \`Suspended\` | False | |
| a statement endangered others who share the user | as it is | as it is | Flagged=True, reason says how ([hazards.md](hazards.md)) |
`;

function describeKind({ spec }: Crd): string {
  const schema = spec.versions[0]?.schema.openAPIV3Schema ?? {};
  const { kind, plural, shortNames } = spec.names;
  const fields = fieldsOf(schema.properties?.["spec"] ?? {}, "spec");
  const rules = rulesOf(schema);
  return [
    `## ${kind}`,
    "",
    `${schema.description ?? ""} \`${plural}\`, short \`${shortNames.join("`, `")}\`.`,
    "",
    "| Field | Type | |",
    "|---|---|---|",
    ...fields,
    "",
    ...(rules.length === 0 ? [] : ["Rules:", "", ...rules.map((rule) => `- ${rule}`), ""]),
  ].join("\n");
}

function fieldsOf(schema: Schema, at: string): string[] {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const isList = property.type === "array";
    const here = `${at}.${name}${isList ? "[]" : ""}`;
    const inner = isList ? (property.items ?? {}) : property;
    const row = `| \`${here}\`${required.has(name) ? " !" : ""} | ${typeOf(inner)} | ${cell(property.description ?? "")} |`;
    return [row, ...fieldsOf(inner, here)];
  });
}

function typeOf(schema: Schema): string {
  if (schema.enum !== undefined) {
    return schema.enum.map((value) => `\`${String(value)}\``).join(", ");
  }
  const { minimum, maximum, maxLength } = schema;
  const range = minimum === undefined && maximum === undefined ? "" : ` ${minimum ?? "…"} to ${maximum ?? "…"}`;
  const length = maxLength === undefined ? "" : `, at most ${maxLength}`;
  return `${schema.format ?? schema.type ?? "object"}${range}${length}`;
}

function rulesOf(schema: Schema): string[] {
  const own = (schema["x-kubernetes-validations"] ?? []).map((rule) => cell(rule.message ?? rule.rule));
  const children = [...Object.values(schema.properties ?? {}), ...(schema.items === undefined ? [] : [schema.items])];
  return [...new Set([...own, ...children.flatMap(rulesOf)])];
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll(/\s+/g, " ").trim();
}
