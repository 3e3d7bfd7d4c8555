import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compileOptions } from "./options.ts";

let folder: string;
let given: Record<string, string>;
const environment = { AWS_REGION: "eu-west-1" };

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "sallyport-options-"));
  for (const name of ["tls.crt", "tls.key"]) {
    writeFileSync(path.join(folder, name), name);
  }
  given = {
    folder: "access",
    state: "state",
    installation: "demo-1",
    "tls-cert": path.join(folder, "tls.crt"),
    "tls-key": path.join(folder, "tls.key"),
    "public-url": "https://sallyport.example.com/",
    listen: "127.0.0.1:8443",
    "start-url": "https://start",
    "identity-permission-set": "sallyport",
  };
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("the controller's options", () => {
  it("are complete and checked", () => {
    expect(
      compileOptions({ ...given, "auditor-group": "auditors", "identity-account": "111122223333" }, environment),
    ).toEqual({
      source: { kind: "folder", folder: "access" },
      state: "state",
      installation: "demo-1",
      certificate: "tls.crt",
      privateKey: "tls.key",
      publicURL: "https://sallyport.example.com",
      listen: { host: "127.0.0.1", port: 8443 },
      probeListen: undefined,
      metricsListen: undefined,
      startURL: "https://start",
      identityPermissionSet: "sallyport",
      identityAccount: "111122223333",
      audit: { store: undefined, headKey: undefined, formerKeys: "", retentionMs: undefined },
      auditorGroup: "auditors",
      console: true,
      administratorGroup: undefined,
      region: "eu-west-1",
      warnBeforeEndMs: 300_000,
      logLevel: "info",
      sinks: [],
      webhooks: [],
    });
  });

  it("people are warned as long before the end as the flag says, from a minute to a day", () => {
    expect(compileOptions({ ...given, "warn-before-end": "30" }, environment).warnBeforeEndMs).toBe(1_800_000);
  });

  it.each(["0", "1441", "5m", "-1", "1.5", ""])('"%s" is no time to warn before the end', (text) => {
    expect(() => compileOptions({ ...given, "warn-before-end": text }, environment)).toThrow("--warn-before-end");
  });

  it.each([
    ["[::1]:443", { host: "::1", port: 443 }],
    ["0.0.0.0:0", { host: "0.0.0.0", port: 0 }],
    ["localhost:65535", { host: "localhost", port: 65_535 }],
  ])("listen at %s", (listen, expected) => {
    expect(compileOptions({ ...given, listen }, environment).listen).toEqual(expected);
  });

  it.each([
    ["installation", ""],
    ["installation", "Demo"],
    ["installation", "-demo"],
    ["installation", "d".repeat(64)],
    ["public-url", "http://sallyport.example.com"],
    ["public-url", "sallyport"],
    ["listen", "8443"],
    ["listen", "127.0.0.1:65536"],
    ["listen", "::1:443"],
    ["log-level", "loud"],
    ["start-url", ""],
    ["start-url", "start"],
    ["identity-permission-set", "a b"],
    ["identity-permission-set", "s".repeat(33)],
    ["identity-account", "1234"],
  ])("refuse --%s %j and say what it must be", (name, value) => {
    expect(() => compileOptions({ ...given, [name]: value }, environment)).toThrow(
      expect.objectContaining({ code: "InvalidOption", message: expect.stringContaining(`--${name} must be`) }),
    );
  });

  it("say which file cannot be read, and that the region is not known", () => {
    expect(() => compileOptions({ ...given, "tls-key": path.join(folder, "none") }, environment)).toThrow(
      expect.objectContaining({ code: "FileUnreadable", message: expect.stringContaining("--tls-key") }),
    );
    expect(() => compileOptions(given, {})).toThrow(expect.objectContaining({ code: "NoRegion" }));
    expect(compileOptions(given, { AWS_DEFAULT_REGION: "us-east-1" }).region).toBe("us-east-1");
  });
});

describe("the place of the objects", () => {
  const clusterGiven = (more: Record<string, string> = {}): Record<string, string> => {
    const { folder: _folder, ...rest } = given;
    return { ...rest, cluster: "true", ...more };
  };
  const source = (more: Record<string, string> = {}) => compileOptions(clusterGiven(more), environment).source;

  it("is a folder or a cluster, not both and not neither", () => {
    const { folder: _folder, ...neither } = given;

    expect(() => compileOptions({ ...given, cluster: "true" }, environment)).toThrow(/exclude each other/);
    expect(() => compileOptions(neither, environment)).toThrow(
      expect.objectContaining({ next: expect.stringContaining("--cluster") }),
    );
  });

  it("is a cluster with client-go's times and an election, unless said otherwise", () => {
    expect(source()).toEqual({
      kind: "cluster",
      kubeconfig: undefined,
      context: undefined,
      namespaces: [],
      ownNamespace: undefined,
      election: {
        leaseName: "sallyport",
        times: { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 },
      },
      peerListen: undefined,
      metricsSecure: false,
    });
    expect(source({ namespace: "team-a,team-b,team-a" })).toMatchObject({ namespaces: ["team-a", "team-b"] });
    expect(source({ "leader-elect": "false" })).toMatchObject({ election: undefined });
    expect(source({ "peer-listen": "10.0.0.5:8444" })).toMatchObject({ peerListen: { host: "10.0.0.5", port: 8_444 } });
  });

  it.each([
    ["namespace", "Team"],
    ["controller-namespace", "a_b"],
    ["leader-elect", "maybe"],
    ["lease-name", "a/b"],
    ["lease-duration", "15s"],
    ["lease-duration", "301"],
    ["lease-duration", "10"],
    ["lease-renew-deadline", "2"],
    ["peer-listen", "0.0.0.0:8444"],
  ])("refuses --%s %j", (name, value) => {
    expect(() => source({ [name]: value })).toThrow(
      expect.objectContaining({ code: "InvalidOption", message: expect.stringContaining(`--${name} must be`) }),
    );
  });

  it("that is a folder has no use for what is said of a cluster", () => {
    expect(() => compileOptions({ ...given, "lease-duration": "20" }, environment)).toThrow(/--cluster only/);
  });
});
