import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { compileOptions, type ControllerOptions } from "#controller/options.ts";
import { kubectlMissing } from "#test/harness/control-plane.ts";
import { Helm, helmMissing } from "./helm.ts";
import { installed, keyARN, shared } from "./option-values.ts";
import { startPod } from "./pod-start.ts";
import { kustomizeWith, type Manifest, nameOf, objectsOf, workloadOf } from "./render.ts";

const missing = helmMissing() ?? kubectlMissing();
const helm = new Helm();
const scratch = mkdtempSync(path.join(tmpdir(), "sallyport-options-"));

beforeEach(({ skip }) => skip(missing !== undefined, missing));
afterAll(() => {
  helm.remove();
  rmSync(scratch, { recursive: true, force: true });
});

async function objectsWith(values: Readonly<Record<string, unknown>>): Promise<Manifest[]> {
  return objectsOf(await helm.template(values));
}

/** The options with which the chart's controller would start. Throws what it would say. */
async function optionsWith(values: Readonly<Record<string, unknown>>): Promise<ControllerOptions> {
  const { flags, environment } = startPod(await objectsWith(values), scratch, installed);
  return compileOptions(flags, environment);
}

/** TCP ports that the network policy lets the controller reach anywhere. */
function egressOf(objects: readonly Manifest[]): number[] {
  const policy = objects.find(({ kind }) => kind === "NetworkPolicy") as unknown as {
    spec: { egress: { to?: unknown; ports: { port: number; protocol?: string }[] }[] };
  };
  return policy.spec.egress
    .filter(({ to }) => to === undefined)
    .flatMap(({ ports }) => ports.filter(({ protocol }) => protocol === "TCP").map(({ port }) => port));
}

describe("the chart's values reach the controller", () => {
  it("for an audit store that replicas share, signed with a key of KMS", async () => {
    const { audit } = await optionsWith({
      auditStore: { secretName: "sallyport-audit-store" },
      headKey: { kmsKeyARN: keyARN, formerKeys: { configMapName: "former-keys" } },
      auditRetentionDays: 400,
    });

    expect(audit).toMatchObject({
      store: { host: "db.example.com", tls: { caFile: "/etc/sallyport/audit-store/ca.crt" } },
      headKey: { kind: "kms", keyARN },
      formerKeys: "PUBLIC KEY",
      retentionMs: 400 * 86_400_000,
    });
  });

  it("for a signing key in a Secret, and keys that are called otherwise", async () => {
    const { audit } = await optionsWith({
      auditStore: { secretName: "made-by-an-operator", secretKey: "uri" },
      headKey: { secretName: "head-key", secretKey: "ed25519" },
    });

    expect(audit).toMatchObject({ store: { host: "made.example.com" }, headKey: { kind: "file" } });
  });

  it("for an issuer, with a client of the console's and one of the command line's", async () => {
    const { oidc } = await optionsWith({
      oidc: { ...shared.oidc, usernameClaim: "email" },
    });

    expect(oidc).toMatchObject({
      issuer: "https://id.example.com",
      clientID: "sallyport-console",
      cliClientID: "sallyport-cli",
      usernameClaim: "email",
    });
    expect(oidc?.clientSecret?.reveal()).toBe("client's secret");
  });

  it("for sinks, webhooks and Slack", async () => {
    const options = await optionsWith({
      auditSinks: [
        "s3://audit-logs/sallyport?objectLock=COMPLIANCE&retentionDays=365",
        "syslog+tls://logs.example.com?caFile=/etc/sallyport/audit-sinks/ca.pem",
      ],
      auditSinkFiles: { secretName: "audit-sinks" },
      webhooks: { urls: ["https://hooks.example.com/a#events=grant.*", "https://b.example.com/"], secretName: "hooks" },
      slack: { ...shared.slack, approveInConsole: true, apiURL: "https://slack-gov.com/api" },
    });

    expect(options.sinks.map(({ kind }) => kind)).toEqual(["s3", "syslog"]);
    expect(options.webhooks.map(({ url }) => url.host)).toEqual(["hooks.example.com", "b.example.com"]);
    expect(options.slack).toMatchObject({
      channel: "C024BE91L",
      approveInConsole: true,
      apiURL: "https://slack-gov.com/api",
    });
  });

  it("for the console and metrics", async () => {
    const options = await optionsWith({ console: { enabled: false }, metrics: { secure: true } });

    expect(options).toMatchObject({ console: false, source: { metricsSecure: true } });
    await expect(optionsWith({})).resolves.toMatchObject({ console: true, source: { metricsSecure: false } });
  });
});

describe("the chart", () => {
  it("shows each Secret as a file to the controller's group alone, and none as a variable", async () => {
    const [container, volumes] = podOf(await objectsWith(shared));

    const secrets = volumes.filter(({ name, secret }) => secret !== undefined && name !== "tls");
    expect(secrets.map(({ secret }) => secret)).toEqual(
      ["sallyport-audit-store", "sallyport-oidc", "sallyport-slack", "sallyport-webhooks"].map((secretName) => ({
        secretName,
        defaultMode: 0o440,
      })),
    );
    expect(JSON.stringify(container)).not.toMatch(/secretRef|secretKeyRef/);
  });

  it("puts the store's authorities beside its URL, from a ConfigMap or a Secret", async () => {
    for (const kind of ["configMap", "secret"] as const) {
      const ca = { [`${kind}Name`]: "authorities", key: "rds.pem" };
      const objects = await objectsWith({ ...shared, auditStore: { secretName: "sallyport-audit-store", ca } });

      const store = podOf(objects)[1].find(({ name }) => name === "audit-store");
      expect(store).toMatchObject({
        projected: {
          defaultMode: 0o440,
          sources: [
            { secret: { name: "sallyport-audit-store" } },
            { [kind]: { name: "authorities", items: [{ key: "rds.pem", path: "ca.crt" }] } },
          ],
        },
      });
    }
  });

  it("lets the controller reach the ports of what it is told of, and no others", async () => {
    const values = {
      ...shared,
      auditStore: { secretName: "sallyport-audit-store", port: 6_432 },
      oidc: { ...shared.oidc, issuer: "https://id.example.com:8443/realms/people" },
      auditSinks: [
        "s3://audit-logs/sallyport",
        "file:///var/log/sallyport",
        "otlp+https://collector.example.com:4318/v1/logs",
        "syslog+tls://logs.example.com",
        "syslog+tls://other.example.com:6514?name=other",
      ],
      networkPolicy: { egressPorts: [4_317] },
    };

    expect(egressOf(await objectsWith({}))).toEqual([53, 443, 6_443]);
    expect(egressOf(await objectsWith(values))).toEqual([53, 443, 6_443, 4_317, 6_432, 8_443, 4_318, 6_514]);
  });

  it("adds the authorities, variables and volumes of an installation", async () => {
    const [container, volumes] = podOf(
      await objectsWith({
        trustedCA: { configMapName: "authorities" },
        extraEnvFrom: [{ secretRef: { name: "hook-token" } }],
        extraVolumes: [{ name: "export", emptyDir: {} }],
        extraVolumeMounts: [{ name: "export", mountPath: "/var/log/sallyport" }],
      }),
    );

    expect(volumes.map(({ name }) => name)).toEqual(["tls", "trusted-ca", "export"]);
    expect(container).toMatchObject({
      envFrom: [{}, { secretRef: { name: "hook-token" } }],
      env: [{}, { name: "NODE_EXTRA_CA_CERTS", value: "/etc/sallyport/trusted-ca/ca.crt" }],
      volumeMounts: [{}, {}, { mountPath: "/etc/sallyport/trusted-ca" }, { mountPath: "/var/log/sallyport" }],
    });
  });

  it("lets a Prometheus in by RBAC, in the namespace of the release, with secure metrics", async () => {
    const objects = await objectsWith({ metrics: { secure: true }, monitoring: { podMonitor: { enabled: true } } });

    expect(objects.map(nameOf)).toContain("ClusterRoleBinding sallyport-metrics-auth");
    expect(objects.map(nameOf)).toContain("ClusterRole sallyport-metrics-reader");
    expect(objects.find(({ kind }) => kind === "PodMonitor")?.["spec"]).toMatchObject({
      podMetricsEndpoints: [
        { scheme: "https", tlsConfig: { serverName: "sallyport-controller.sallyport-system.svc" } },
      ],
    });
  });

  it.each([
    ["an audit store that replicas share, without a key", { auditStore: shared.auditStore }, /sign with one key/],
    ["two keys", { headKey: { kmsKeyARN: keyARN, secretName: "head-key" } }, /not both/],
    ["an alias of a key", { headKey: { kmsKeyARN: keyARN.replace(/key\/.*/, "alias/heads") } }, /kmsKeyARN/],
    ["authorities without a store", { auditStore: { ca: { secretName: "authorities" } } }, /auditStore\.secretName/],
    ["an issuer without a client", { oidc: { issuer: "https://id.example.com" } }, /oidc\.clientID/],
    ["a client without an issuer", { oidc: { clientID: "console" } }, /oidc\.issuer/],
    ["a webhook that nobody signs", { webhooks: { urls: ["https://hooks.example.com/"] } }, /urls and secretName/],
    ["a webhook without TLS", { webhooks: { urls: ["http://hooks.example.com/"], secretName: "s" } }, /webhooks/],
    ["a Slack without a channel", { slack: { secretName: "sallyport-slack" } }, /channel and secretName/],
    ["a sink that there is not", { auditSinks: ["kafka://broker/topic"] }, /auditSinks/],
  ])("refuses %s", async (_what, values, said) => {
    await expect(helm.template(values)).rejects.toThrow(said);
  });
});

describe("the kustomize components", () => {
  it("make what the chart makes of the same values", async () => {
    const components = ["audit-store", "oidc", "slack", "webhooks", "secure-metrics"];
    const fromChart = await objectsWith({ replicas: 2, ...shared, metrics: { secure: true } });
    const fromKustomize = objectsOf(
      await kustomizeWith(scratch, "high-availability", components, {
        HEAD_KEY: `kms:${keyARN}`,
        OIDC_ISSUER: "https://id.example.com",
        OIDC_CLIENT_ID: "sallyport-console",
        OIDC_CLI_CLIENT_ID: "sallyport-cli",
        SLACK_CHANNEL: "C024BE91L",
        WEBHOOK_URL: "https://hooks.example.com/",
      }),
    );

    expect(startPod(fromKustomize, scratch, installed).flags).toEqual(startPod(fromChart, scratch, installed).flags);
    expect(podOf(fromKustomize)[1]).toEqual(podOf(fromChart)[1]);
    expect(podOf(fromKustomize)[0].volumeMounts).toEqual(podOf(fromChart)[0].volumeMounts);
    expect(egressOf(fromKustomize)).toEqual(egressOf(fromChart));
    const names = (objects: readonly Manifest[]): string[] =>
      objects
        .filter(({ kind }) => kind.startsWith("ClusterRole"))
        .map(nameOf)
        .toSorted();
    expect(names(fromKustomize)).toEqual(names(fromChart));
  });

  it("let a PodMonitor ask as manifests/monitoring/secure does", async () => {
    const monitor = (objects: readonly Manifest[]): unknown =>
      objects.find(({ kind }) => kind === "PodMonitor")?.["spec"];
    const secure = { metrics: { secure: true }, monitoring: { podMonitor: { enabled: true } } };

    const fromKustomize = objectsOf(
      await kustomizeWith(scratch, "single", ["monitoring", "secure-metrics"], { A: "b" }),
    );

    expect(monitor(fromKustomize)).toEqual(monitor(await objectsWith(secure)));
  });
});

type Pod = ReturnType<typeof workloadOf>["spec"]["template"]["spec"];

function podOf(objects: readonly Manifest[]): readonly [Pod["containers"][number], Pod["volumes"]] {
  const { containers, volumes } = workloadOf(objects).spec.template.spec;
  const [container] = containers;
  if (container === undefined) {
    throw new Error("the pod has no container");
  }
  return [container, volumes];
}
