import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ControlPlane, kubectlMissing } from "#test/harness/control-plane.ts";
import { givenControlPlane } from "#test/harness/given-control-plane.ts";
import { repository } from "#test/harness/process.ts";
import { operatorDefinitionsPart } from "#tools/parts/operator-definitions.ts";
import { isMissing } from "#tools/parts/part.ts";
import { Helm, helmMissing } from "./helm.ts";
import { type Manifest, nameOf, objectsOf, run } from "./render.ts";

const definitions = operatorDefinitionsPart();
const scratch = mkdtempSync(path.join(tmpdir(), "sallyport-monitoring-"));
const helm = new Helm();
let cluster: ControlPlane;

givenControlPlane(
  async (started) => {
    cluster = started;
    for (const file of isMissing(definitions) ? [] : definitions.files) {
      await cluster.kubectl(["apply", "--server-side", "--filename", file]);
    }
    await cluster.kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]);
    await cluster.kubectl(["create", "namespace", "sallyport-system"]);
  },
  kubectlMissing(),
  helmMissing(),
  isMissing(definitions) ? definitions.missing : undefined,
);
afterAll(() => {
  helm.remove();
  rmSync(scratch, { recursive: true, force: true });
});

/** An overlay as somebody would write it who wants monitoring. */
function overlay(): Promise<string> {
  const kustomization = path.join(scratch, "kustomization.yaml");
  const folder = path.relative(scratch, path.join(repository, "manifests", "kustomize"));
  const lines = [
    "apiVersion: kustomize.config.k8s.io/v1beta1",
    "kind: Kustomization",
    `resources: [${folder}/overlays/single]`,
    `components: [${folder}/components/monitoring]`,
  ];
  writeFileSync(kustomization, lines.join("\n"));
  return run("kubectl", ["kustomize", scratch]);
}

const all = { podMonitor: { enabled: true }, prometheusRule: { enabled: true }, dashboard: { enabled: true } };

/** What is there for monitoring alone, by name. */
function monitoringOf(manifest: string): Map<string, Manifest> {
  const objects = objectsOf(manifest).filter(
    ({ apiVersion, metadata }) =>
      apiVersion.startsWith("monitoring.coreos.com/") || metadata.name === "sallyport-grafana-dashboard",
  );
  return new Map(objects.map((object) => [nameOf(object), object]));
}

describe("monitoring", () => {
  let fromChart: Map<string, Manifest>;
  let fromKustomize: Map<string, Manifest>;
  beforeAll(async () => {
    if (helmMissing() === undefined && kubectlMissing() === undefined) {
      fromChart = monitoringOf(await helm.template({ monitoring: all }));
      fromKustomize = monitoringOf(await overlay());
    }
  });

  it("is the same from the chart and from the component, and nothing of it is there unless it is asked for", async () => {
    expect([...fromChart.keys()].toSorted()).toEqual([
      "ConfigMap sallyport-system/sallyport-grafana-dashboard",
      "PodMonitor sallyport-system/sallyport-controller",
      "PrometheusRule sallyport-system/sallyport",
    ]);
    expect(fromChart).toEqual(fromKustomize);
    expect([...monitoringOf(await helm.template({})).keys()]).toEqual([]);
    // An upgrade with --reuse-values from a release that had no such values.
    expect([...monitoringOf(await helm.template({ monitoring: null })).keys()]).toEqual([]);
  });

  it("is accepted by a real API server with the Prometheus Operator's own definitions, no field unknown to them", async () => {
    const apply = (object: unknown): Promise<string> =>
      cluster.kubectl(["apply", "--server-side", "--validate=strict", "--filename", "-"], {
        stdin: JSON.stringify(object),
      });

    for (const object of fromChart.values()) {
      await expect(apply(object), nameOf(object)).resolves.toContain("serverside-applied");
    }
    const secure = path.join(repository, "manifests", "monitoring", "secure");
    await cluster.kubectl(["apply", "--server-side", "--force-conflicts", "--validate=strict", "-k", secure]);

    // These definitions do find what is wrong.
    const rule = fromChart.get("PrometheusRule sallyport-system/sallyport");
    await expect(apply(JSON.parse(JSON.stringify(rule).replace('"for":"2m"', '"for":"soon"')))).rejects.toThrow(/for/);
    await expect(apply(JSON.parse(JSON.stringify(rule).replace('"for":', '"four":')))).rejects.toThrow(/four/);
  });

  it("carries the labels that a Prometheus and a Grafana select by", async () => {
    const labels = { release: "prometheus" };
    const values = {
      podMonitor: { enabled: true, labels, interval: "15s" },
      prometheusRule: { enabled: true, labels },
      dashboard: { enabled: true, labels: { dashboards: "yes" } },
    };

    const objects = monitoringOf(await helm.template({ monitoring: values }));

    expect(fromChart.get("ConfigMap sallyport-system/sallyport-grafana-dashboard")?.metadata.labels).toMatchObject({
      grafana_dashboard: "1",
    });
    expect(objects.get("PodMonitor sallyport-system/sallyport-controller")).toMatchObject({
      metadata: { labels: { ...labels, "app.kubernetes.io/name": "sallyport" } },
      spec: { podMetricsEndpoints: [{ interval: "15s", honorLabels: true }] },
    });
    expect(objects.get("PrometheusRule sallyport-system/sallyport")?.metadata.labels).toMatchObject(labels);
    expect(objects.get("ConfigMap sallyport-system/sallyport-grafana-dashboard")?.metadata.labels).toMatchObject({
      dashboards: "yes",
    });
  });

  it("brings the dashboard as it is in the repository", () => {
    const map = fromChart.get("ConfigMap sallyport-system/sallyport-grafana-dashboard");
    const [[name, text] = ["", ""]] = Object.entries((map?.["data"] ?? {}) as Record<string, string>);

    const file = path.join(repository, "manifests", "monitoring", "grafana-dashboard.json");
    expect(name).toBe("sallyport.json");
    expect(JSON.parse(text)).toEqual(JSON.parse(readFileSync(file, "utf8")));
  });
});
