import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { MetricDefinition } from "#lib/metrics/definition.ts";
import { allMetrics } from "./metrics.ts";
import { promtool, promtoolMissing } from "./promtool.ts";
import { namesIn, unknownIn } from "./queries.ts";
import { ruleCases, type Series } from "./rule-cases.ts";

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: Readonly<Record<"summary" | "description" | "runbook", string>>;
}
interface Groups {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}

const folder = path.join(import.meta.dirname, "..", "..", "manifests", "monitoring");
const rulesFile = path.join(folder, "rules.yaml");
const { groups } = parse(readFileSync(rulesFile, "utf8")) as Groups;
const rules = groups.flatMap((group) => group.rules);
const work = mkdtempSync(path.join(tmpdir(), "sallyport-rules-"));
const missing = promtoolMissing();
let metrics: MetricDefinition[] = [];
beforeAll(async () => {
  metrics = await allMetrics();
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

describe("the alert rules", () => {
  it.each(rules)("name only metrics and labels that there are: $alert", ({ expr }) => {
    expect(namesIn(expr).selectors).not.toEqual([]);
    expect(unknownIn(expr, metrics)).toEqual([]);
  });

  it.each(rules)("lead to what to do: $alert", ({ alert, labels, annotations }) => {
    const runbooks = readFileSync(path.join(folder, "..", "..", "docs", "runbooks.md"), "utf8");

    expect(["critical", "warning", "info"]).toContain(labels.severity);
    expect(annotations.runbook).toBe(`docs/runbooks.md#${alert.toLowerCase()}`);
    expect(runbooks).toContain(`\n## ${alert}\n`);
    expect(annotations.summary).not.toBe("");
    expect(annotations.description).not.toBe("");
  });

  it("are all that the runbooks speak of", () => {
    const runbooks = readFileSync(path.join(folder, "..", "..", "docs", "runbooks.md"), "utf8");

    const headings = [...runbooks.matchAll(/^## (Sallyport\w+)$/gm)].map(([, heading]) => heading);

    expect(headings).toEqual(rules.map(({ alert }) => alert));
  });

  it("are the same for the Prometheus Operator", () => {
    const rule = parse(readFileSync(path.join(folder, "prometheus-rule.yaml"), "utf8")) as {
      readonly kind: string;
      readonly spec: Groups;
    };

    expect(rule.kind).toBe("PrometheusRule");
    expect(rule.spec.groups).toEqual(groups);
  });

  it("have a case each", () => {
    expect(Object.keys(ruleCases)).toEqual(rules.map(({ alert }) => alert));
  });
});

describe("Prometheus itself", () => {
  it("accepts the rules, and objects to nothing", async ({ skip }) => {
    skip(missing !== undefined, missing);

    const { code, output } = await promtool(["check", "rules", "--lint=all", "--lint-fatal", rulesFile]);

    expect(output).toContain(`SUCCESS: ${rules.length} rules found`);
    expect(code).toBe(0);
  });

  it("would not accept rules that are none", async ({ skip }) => {
    skip(missing !== undefined, missing);
    const file = path.join(work, "broken.yaml");
    writeFileSync(file, readFileSync(rulesFile, "utf8").replace("> 0", "> > 0"));

    const { code } = await promtool(["check", "rules", file]);

    expect(code).not.toBe(0);
  });

  it("fires each alert when it should, and not when it only nearly should", async ({ skip }) => {
    skip(missing !== undefined, missing);
    const files = rules.map((rule) => {
      const { alert, labels: own } = rule;
      const { fires = [], quiet = [], labels = {} } = ruleCases[alert] ?? {};
      const fired = Object.entries({ alertname: alert, alertstate: "firing", severity: own.severity, ...labels });
      const sample = `ALERTS{${fired.map(([name, value]) => `${name}="${value}"`).join(", ")}}`;
      const tests = [
        testOf(`${alert} fires`, alert, fires, [{ labels: sample, value: 1 }]),
        testOf(`${alert} is quiet`, alert, quiet, []),
      ];
      // Each with its own rule alone: all rules on all series would be a thousand times the work. JSON is a part of YAML.
      const [ruleFile, testFile] = [path.join(work, `${alert}.rule.json`), path.join(work, `${alert}.test.json`)];
      writeFileSync(ruleFile, JSON.stringify({ groups: [{ name: "one", rules: [rule] }] }));
      writeFileSync(testFile, JSON.stringify({ rule_files: [ruleFile], evaluation_interval: "1m", tests }));
      return testFile;
    });

    const { code, output } = await promtool(["test", "rules", ...files]);

    expect(output).not.toContain("FAILED");
    expect(output.match(/SUCCESS/g)).toHaveLength(rules.length);
    expect(code).toBe(0);
  });
});

function testOf(name: string, alert: string, series: readonly Series[], samples: readonly object[]) {
  return {
    name,
    interval: "1m",
    input_series: series.map(([text, values]) => ({ series: text, values })),
    promql_expr_test: [
      { expr: `ALERTS{alertname="${alert}", alertstate="firing"}`, eval_time: "59m", exp_samples: samples },
    ],
  };
}
