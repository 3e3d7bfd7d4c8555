import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { metricGroups } from "#controller/metrics/definitions.ts";
import { cutReportMaxMs } from "#controller/metrics/revocation.ts";
import type { MetricDefinition } from "#lib/metrics/definition.ts";
import { seriesMaxDefault } from "#lib/metrics/registry.ts";

const rulesFile = path.join("manifests", "monitoring", "rules.yaml");

/** The reference of metrics, and the alert rules as an object of the Prometheus Operator. Answers the files that were out of date. */
export function generateMetrics({ check }: { readonly check: boolean }): string[] {
  const files = [
    { file: path.join("docs", "metrics.md"), text: reference() },
    {
      file: path.join("manifests", "monitoring", "prometheus-rule.yaml"),
      text: prometheusRule(readFileSync(rulesFile, "utf8")),
    },
  ];
  const stale = files.filter(({ file, text }) => current(file) !== text);
  for (const { file, text } of check ? [] : stale) {
    writeFileSync(file, text);
  }
  return stale.map(({ file }) => file);
}

function current(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** The same text below `spec`: the operator's groups are Prometheus' own. */
function prometheusRule(rules: string): string {
  const groups = rules.slice(rules.indexOf("groups:\n"));
  const indented = groups
    .trimEnd()
    .split("\n")
    .map((line) => (line === "" ? "" : `  ${line}`));
  return `# Generated from rules.yaml by \`npm run generate\`. Do not edit.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: sallyport
  namespace: sallyport-system
  labels:
    app.kubernetes.io/name: sallyport
spec:
${indented.join("\n")}
`;
}

function reference(): string {
  const groups = metricGroups.map(
    ({ title, definitions }) =>
      `## ${title}\n\n| Metric | Type | Labels | Meaning |\n|---|---|---|---|\n${definitions.map(rowOf).join("\n")}\n`,
  );
  return `<!-- Generated from controller/metrics/ by \`npm run generate\`. Do not edit. -->

# Metrics

\`sallyport controller --metrics-listen HOST:PORT\` shows them at \`/metrics\` in Prometheus' text format. Alerts, a dashboard and what a
Prometheus Operator needs are in \`manifests/monitoring/\`; what to do about an alert is in [runbooks.md](runbooks.md). Proxies have no
listener of their own: what they report to the controller is shown here.

Whoever reaches the address can read them; listen on loopback, or let a network policy say who does. In a cluster \`--metrics-secure\` shows
them over HTTPS, with the controller's certificate, to whom the API server knows by their bearer token and allows to \`get\` \`/metrics\`, as
controller-runtime does it; \`manifests/monitoring/secure/\` has what that needs.

- No label names a person, nor a Grant, whose name often does. Grants are counted; who did what is in the audit trail.
- Every replica shows what it sees. Grants, conditions and held deletions are the same for all: take their \`max\`. Tasks, sessions, audit
  and requests are each replica's own: take their \`sum\`.
- A metric has at most ${seriesMaxDefault} sets of label values, unless it says otherwise here; what is beyond is dropped and counted.
- \`namespace\` and \`name\` are the object's. A scraper that adds its own must keep ours (\`honorLabels: true\`).
- The lag of \`proxy_cut\` leaves out a report without sessions that comes more than ${cutReportMaxMs / 1_000} s after the end: a task that
  starts repeats what ended within the last day.

${groups.join("\n")}
prom-client adds \`process_*\` (processor, memory, open files, start time) and \`nodejs_*\` (event loop, heap, garbage collection).
`;
}

function rowOf({ name, type, labels, help, seriesMax, buckets }: MetricDefinition): string {
  const more = [
    ...(seriesMax === undefined ? [] : [`At most ${seriesMax} series.`]),
    ...(buckets === undefined ? [] : [`${buckets.length} buckets, ${buckets[0]} to ${buckets.at(-1)}.`]),
  ];
  const shown = labels.map((label) => `\`${label}\``).join(", ");
  return `| \`${name}\` | ${type} | ${shown} | ${[help, ...more].join(" ").replaceAll("|", "\\|").replaceAll("<", "&lt;")} |`;
}
