import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { controllerMetrics } from "#controller/metrics/definitions.ts";
import { allMetrics } from "./metrics.ts";
import { promtool, promtoolMissing } from "./promtool.ts";
import { namesIn, unknownIn } from "./queries.ts";

interface Place {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}
interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: Place;
  readonly targets?: readonly { readonly expr: string }[];
  readonly fieldConfig?: { readonly defaults: { readonly unit: string } };
}

const file = path.join(import.meta.dirname, "..", "..", "manifests", "monitoring", "grafana-dashboard.json");
const { panels } = JSON.parse(readFileSync(file, "utf8")) as { readonly panels: readonly Panel[] };
const charts = panels.filter(({ type }) => type !== "row");
const queries = charts.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));
const work = mkdtempSync(path.join(tmpdir(), "sallyport-dashboard-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

describe("the dashboard", () => {
  it.each(queries)("asks only for metrics and labels that there are: $title", async ({ expr }) => {
    expect(unknownIn(filled(expr), await allMetrics())).toEqual([]);
  });

  it("asks in PromQL, as Prometheus itself reads it", async ({ skip }) => {
    const missing = promtoolMissing();
    skip(missing !== undefined, missing);
    const rules = queries.map(({ expr }, index) => ({ record: `panel:${index}`, expr: filled(expr) }));
    const rulesFile = path.join(work, "panels.yaml");
    writeFileSync(rulesFile, stringify({ groups: [{ name: "panels", rules }] }));

    const { code, output } = await promtool(["check", "rules", rulesFile]);

    expect(output).toContain(`SUCCESS: ${queries.length} rules found`);
    expect(code).toBe(0);
  });

  it("shows every metric of grants, AWS, proxies and audit somewhere", () => {
    const shown = queries.flatMap(({ expr }) => namesIn(filled(expr)).selectors.map(({ metric }) => metric));
    const bases = new Set(shown.map((name) => name.replace(/_(bucket|sum|count)$/, "")));

    const unseen = controllerMetrics.map(({ name }) => name).filter((name) => !bases.has(name));

    // What alerts alone look at, or what another panel shows in another way.
    expect(unseen.toSorted()).toEqual([
      "controller_runtime_reconcile_errors_total",
      "controller_runtime_reconcile_panics_total",
      "controller_runtime_reconcile_timeouts_total",
      "controller_runtime_terminal_reconcile_errors_total",
      "sallyport_audit_retention_held",
      "sallyport_build_info",
      "sallyport_folder_files",
      "sallyport_health_check",
      "sallyport_metrics_dropped_total",
      "sallyport_proxy_spool_last_denied_timestamp_seconds",
      "sallyport_reflector_last_list_timestamp_seconds",
      "sallyport_source_problems",
      "sallyport_source_synced",
      "workqueue_adds_total",
      "workqueue_retries_total",
      "workqueue_unfinished_work_seconds",
      "workqueue_work_duration_seconds",
    ]);
  });

  it("has a title, a sentence and a unit for each panel, and no two panels in one place", () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { title, description, fieldConfig } of charts) {
      expect([title, description, fieldConfig?.defaults.unit]).not.toContain("");
      expect([title, description, fieldConfig?.defaults.unit]).not.toContain(undefined);
    }
    const overlaps = panels.flatMap((one, index) =>
      panels.slice(index + 1).filter((other) => overlap(one.gridPos, other.gridPos)),
    );
    expect(overlaps).toEqual([]);
    expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBe(24);
  });
});

/** With Grafana's variables replaced by what they stand for. */
function filled(expr: string): string {
  return expr.replaceAll("$__rate_interval", "5m").replaceAll("$job", ".*");
}

function overlap(one: Place, other: Place): boolean {
  return one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h && other.y < one.y + one.h;
}
