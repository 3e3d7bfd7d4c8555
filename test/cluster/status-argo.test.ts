import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { describe, expect, it } from "vitest";
import { kinds } from "#kinds/index.ts";
import { isMissing } from "#tools/parts/part.ts";
import { statusPrograms } from "#tools/parts/status-programs.ts";
import { askProgram } from "./status-judge.ts";
import { grantSituations, otherSituations } from "./status-situations.ts";

const argocd = path.join(import.meta.dirname, "..", "..", "manifests", "argocd");
const root = path.join(argocd, "resource_customizations", "sallyport.dev");

interface Answer {
  readonly value: unknown;
  readonly error?: string;
}

interface HealthTest {
  readonly healthStatus: { readonly status: string; readonly message: string };
  readonly inputPath: string;
}

interface ActionTests {
  readonly discoveryTests: readonly {
    readonly inputPath: string;
    readonly result: readonly { readonly name: string }[];
  }[];
  readonly actionTests: readonly {
    readonly action: string;
    readonly inputPath: string;
    readonly expectedOutputPath: string;
  }[];
}

const programs = statusPrograms();

/** Runs scripts as Argo CD does. */
function run(questions: readonly { readonly script: string; readonly object: unknown }[]): readonly Answer[] {
  return isMissing(programs) ? [] : (askProgram(programs.argoLua, questions) as Answer[]);
}

const text = (...names: string[]): string => readFileSync(path.join(root, ...names), "utf8");
const read = (...names: string[]): unknown => parse(text(...names));

describe("the health that Argo CD shows", () => {
  it.for(globSync("*/health_test.yaml", { cwd: root }))("is as %s says", (file, { skip }) => {
    if (isMissing(programs)) {
      return skip(programs.missing);
    }
    const kind = path.dirname(file);
    const { tests } = read(file) as { readonly tests: readonly HealthTest[] };

    const answers = run(
      tests.map(({ inputPath }) => ({ script: text(kind, "health.lua"), object: read(kind, inputPath) })),
    );

    expect(answers).toEqual(tests.map(({ healthStatus }) => ({ value: healthStatus })));
    expect(tests.length).toBeGreaterThan(0);
  });

  it("is stated for every situation of every kind, and Healthy exactly where kstatus says Current", () => {
    const all = [...grantSituations, ...otherSituations];
    const stated = globSync("*/health_test.yaml", { cwd: root }).flatMap(
      (file) => (read(file) as { tests: readonly HealthTest[] }).tests,
    );

    expect(stated).toHaveLength(all.length);
    for (const { name, kstatus, argo } of all) {
      expect([name, argo === "Healthy"]).toEqual([name, kstatus === "Current"]);
    }
  });

  it.for([
    [{}, "Progressing"],
    [{ status: {} }, "Progressing"],
    [{ status: { conditions: [] } }, "Progressing"],
    [{ status: { conditions: [{ type: "Active", status: "True" }] } }, "Progressing"],
    [{ kind: "GrantReview" }, "Healthy"],
  ] as const)("of %j is %s", ([object, status], { skip }) => {
    if (isMissing(programs)) {
      return skip(programs.missing);
    }
    const whole = { kind: "Grant", metadata: { name: "any", generation: 1 }, spec: {}, ...object };

    expect(run([{ script: text("Grant", "health.lua"), object: whole }])).toMatchObject([{ value: { status } }]);
  });
});

describe("the actions that Argo CD offers", () => {
  it.for(globSync("*/actions/action_test.yaml", { cwd: root }))("are and do as %s says", (file, { skip }) => {
    if (isMissing(programs)) {
      return skip(programs.missing);
    }
    const folder = path.dirname(file);
    const { discoveryTests, actionTests } = read(file) as ActionTests;

    const offered = run(
      discoveryTests.map(({ inputPath }) => ({
        script: text(folder, "discovery.lua"),
        object: read(folder, inputPath),
      })),
    );
    const done = run(
      actionTests.map(({ action, inputPath }) => ({
        script: text(folder, action, "action.lua"),
        object: read(folder, inputPath),
      })),
    );

    const named = discoveryTests.map(({ result }) => ({
      value: Object.fromEntries(result.map(({ name, ...rest }) => [name, rest])),
    }));
    expect(offered).toEqual(named);
    expect(done).toEqual(actionTests.map(({ expectedOutputPath }) => ({ value: read(folder, expectedOutputPath) })));
  });
});

describe("argocd-cm.yaml", () => {
  it("says the same of every kind to an Argo CD that does not know them", () => {
    const { data } = parse(readFileSync(path.join(argocd, "argocd-cm.yaml"), "utf8")) as {
      data: Readonly<Record<string, string>>;
    };

    expect(Object.keys(data)).toHaveLength(2 * kinds.length);
    for (const kind of kinds) {
      expect(data[`resource.customizations.health.sallyport.dev_${kind}`]).toBe(text(kind, "health.lua"));
      const actions = parse(data[`resource.customizations.actions.sallyport.dev_${kind}`] ?? "") as {
        readonly "discovery.lua": string;
        readonly definitions: readonly { readonly name: string; readonly "action.lua": string }[];
      };
      expect(actions["discovery.lua"]).toBe(text(kind, "actions", "discovery.lua"));
      expect(actions.definitions.map(({ name }) => name).toSorted()).toEqual(
        globSync("*/action.lua", { cwd: path.join(root, kind, "actions") })
          .map((file) => path.dirname(file))
          .toSorted(),
      );
      for (const definition of actions.definitions) {
        expect(definition["action.lua"]).toBe(text(kind, "actions", definition.name, "action.lua"));
      }
    }
  });
});
