import { cpSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { deployParts } from "#tools/parts/deploy.ts";
import { archiveUnreachable, isMissing } from "#tools/parts/part.ts";
import { terraformFolder } from "./aws-policies.ts";
import { run } from "./render.ts";

const { terraform, python } = deployParts();
const scratch = mkdtempSync(path.join(tmpdir(), "sallyport-terraform-"));
const modules = ["identity-center", "proxy-account", "policies"] as const;

beforeEach(({ skip }) => skip(isMissing(terraform), isMissing(terraform) ? terraform.missing : undefined));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

it("is written as terraform fmt writes it", async () => {
  await expect(run("terraform", ["fmt", "-check", "-recursive", terraformFolder])).resolves.toBe("");
});

describe.each(modules)("the module %s", (name) => {
  it("is valid, as Terraform itself says", async ({ skip }) => {
    const folder = path.join(scratch, "modules", name);
    cpSync(terraformFolder, path.join(scratch, "modules"), { recursive: true });
    const unreachable = await run("terraform", [`-chdir=${folder}`, "init", "-backend=false", "-input=false"]).then(
      () => undefined,
      (error: unknown) => String(error),
    );
    // The providers come from Terraform's own registry; without it, what follows checks what can be checked.
    skip(unreachable !== undefined && name !== "policies", `${archiveUnreachable}Terraform's provider registry`);

    expect(unreachable).toBeUndefined();
    await expect(run("terraform", [`-chdir=${folder}`, "validate", "-no-color"])).resolves.toContain("valid");
  });

  it("uses each variable that it declares, and none that it does not", async ({ skip }) => {
    skip(isMissing(python), isMissing(python) ? python.missing : undefined);
    const parsed = await parseModule(name);

    const declared = parsed.flatMap(({ variable = [] }) => variable.flatMap((entry) => Object.keys(entry)));
    const used = new Set([...sourceOf(name).matchAll(/\bvar\.(\w+)/g)].map(([, variable = ""]) => variable));

    expect(declared.length).toBeGreaterThan(10);
    expect(declared.map(unquoted).filter((variable) => !used.has(variable))).toEqual([]);
    expect([...used].filter((variable) => !declared.map(unquoted).includes(variable))).toEqual([]);
  });

  it("explains each variable and each output that people see", async ({ skip }) => {
    skip(isMissing(python), isMissing(python) ? python.missing : undefined);
    const parsed = await parseModule(name);
    const outputs = name === "policies" ? [] : parsed.flatMap(({ output = [] }) => output);

    for (const entry of [...parsed.flatMap(({ variable = [] }) => variable), ...outputs]) {
      for (const [key, body] of Object.entries(entry)) {
        expect(body["description"], key).toMatch(/\w/);
      }
    }
  });
});

it("gives the shared policies only variables that those have", async ({ skip }) => {
  skip(isMissing(python), isMissing(python) ? python.missing : undefined);
  const shared = (await parseModule("policies")).flatMap(({ variable = [] }) => variable.flatMap(Object.keys));

  for (const name of ["identity-center", "proxy-account"] as const) {
    const calls = (await parseModule(name)).flatMap(({ module = [] }) =>
      module.flatMap((entry) => Object.values(entry)),
    );

    expect(calls).toHaveLength(1);
    const given = Object.keys(calls[0] ?? {}).filter((key) => key !== "source" && !key.startsWith("__"));
    expect(given.filter((variable) => !shared.map(unquoted).includes(variable))).toEqual([]);
  }
});

/** Blocks of one file as python-hcl2 reads them; it keeps the quotes of labels. */
interface Parsed {
  readonly variable?: readonly Readonly<Record<string, Readonly<Record<string, string>>>>[];
  readonly output?: readonly Readonly<Record<string, Readonly<Record<string, string>>>>[];
  readonly module?: readonly Readonly<Record<string, Readonly<Record<string, unknown>>>>[];
}

async function parseModule(name: string): Promise<Parsed[]> {
  const files = globSync("*.tf", { cwd: path.join(terraformFolder, name) }).map((file) =>
    path.join(terraformFolder, name, file),
  );
  const script = "import hcl2, json, sys; print(json.dumps([hcl2.load(open(name)) for name in sys.argv[1:]]))";
  return JSON.parse(await run((python as { file: string }).file, ["-c", script, ...files])) as Parsed[];
}

function sourceOf(name: string): string {
  return globSync("*.tf", { cwd: path.join(terraformFolder, name) })
    .map((file) => readFileSync(path.join(terraformFolder, name, file), "utf8"))
    .join("\n");
}

function unquoted(label: string): string {
  return label.replaceAll('"', "");
}
