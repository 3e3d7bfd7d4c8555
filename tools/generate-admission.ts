import { globSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseAllDocuments } from "yaml";
import { admissionDigest } from "#controller/admission/look.ts";

const manifests = path.join("manifests", "admission");
const file = path.join("controller", "admission", "expected.ts");

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** Writes what the controller expects of the admission policies: digests of what `manifests/admission` says. Answers what was stale. */
export function generateAdmission({ check }: { readonly check: boolean }): string[] {
  const objects = globSync("*.yaml", { cwd: manifests })
    .toSorted()
    .flatMap((name) => parseAllDocuments(readFileSync(path.join(manifests, name), "utf8")))
    .map((document) => document.toJS() as Manifest);
  const named = (kind: string, name: string): Manifest | undefined =>
    objects.find((object) => object.kind === kind && object.metadata.name === name);
  const entries = objects
    .filter(({ kind }) => kind === "ValidatingAdmissionPolicy")
    .map(({ metadata: { name }, spec }) => {
      const binding = named("ValidatingAdmissionPolicyBinding", name);
      if (binding === undefined) {
        throw new Error(`manifests/admission binds no policy ${name}`);
      }
      return `  {
    name: ${JSON.stringify(name)},
    policyDigest: ${JSON.stringify(admissionDigest(spec))},
    bindingDigest: ${JSON.stringify(admissionDigest(binding.spec))},
  },\n`;
    });
  const parameters = objects.find(({ kind }) => kind === "ConfigMap")?.metadata.name ?? "";
  const text = `// Made from manifests/admission by npm run generate.

/** Name of the ConfigMap with the policies' parameters. */
export const parametersName = ${JSON.stringify(parameters)};

/** The admission policies of this version and their bindings, which bear the same names: digests of their specs (\`admissionDigest\`). */
export const expectedPolicies: readonly {
  readonly name: string;
  readonly policyDigest: string;
  readonly bindingDigest: string;
}[] = [
${entries.join("")}];
`;
  if (readFileSync(file, { encoding: "utf8", flag: "a+" }) === text) {
    return [];
  }
  if (!check) {
    writeFileSync(file, text);
  }
  return [file];
}
