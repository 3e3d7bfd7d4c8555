import { generateKeyPairSync } from "node:crypto";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createAuthority } from "#sandbox/certificates.ts";
import type { KubePart } from "#tools/parts/kube.ts";
import type { Guard } from "./guard.ts";
import { listeningPort, type ServerProcess, startServer, untilAnswers } from "./control-plane-process.ts";

/** The two processes of a control plane. */
export interface ControlPlaneServers {
  readonly url: string;
  readonly caPEM: string;
  /** Process id of the API server that runs now. */
  apiserverProcessID(): number;
  /** Starts the API server and waits until `isReady`. */
  start(isReady: () => Promise<boolean>): Promise<void>;
  /** Ends the API server. */
  stop(signal: NodeJS.Signals): Promise<void>;
  /** A signal to the API server alone. */
  signal(signal: NodeJS.Signals): void;
  /** While the API server is down: keeps a copy of what etcd has, or sets etcd back to the copy. */
  store(what: "save" | "setBack"): Promise<void>;
}

/** What the API server is told. */
export interface ServerOptions {
  readonly programs: KubePart;
  /** Where certificates, keys, logs and the store go. */
  readonly folder: string;
  readonly guard: Guard;
  readonly adminToken: string;
  /** Address of the webhook that knows the other tokens. */
  readonly tokenReviewURL: string;
  /** Further flags, which win. */
  readonly flags: Readonly<Record<string, string>>;
}

/** Starts etcd and prepares the API server. */
export async function startStore(options: ServerOptions): Promise<ControlPlaneServers> {
  const { folder, guard, programs } = options;
  const etcdURL = `http://127.0.0.1:${await listeningPort()}`;
  let etcd = await startEtcd(options, etcdURL);
  const port = await listeningPort();
  const authority = await createAuthority("Sallyport test cluster CA", Date.now());
  const pair = await authority.issue(["127.0.0.1", "localhost"]);
  const flags = { ...ownFlags(options, pair, port), "etcd-servers": etcdURL, ...options.flags };
  let apiserver: ServerProcess | undefined;
  return {
    url: `https://127.0.0.1:${port}`,
    caPEM: authority.certificate,
    apiserverProcessID: () => apiserver?.pid ?? 0,
    async start(isReady) {
      const started = startServer(programs.apiserver, flags, path.join(folder, "apiserver.log"));
      apiserver = started;
      guard.watch([etcd.pid, started.pid]);
      await untilAnswers("kube-apiserver", started, isReady);
    },
    async stop(signal) {
      apiserver?.kill(signal);
      await apiserver?.exited;
      guard.watch([etcd.pid]);
    },
    signal: (signal) => apiserver?.kill(signal),
    async store(what) {
      etcd.kill("SIGTERM");
      await etcd.exited;
      const [data, copy] = [path.join(folder, "etcd"), path.join(folder, "etcd-copy")];
      const [from, to] = what === "save" ? [data, copy] : [copy, data];
      rmSync(to, { recursive: true, force: true });
      cpSync(from, to, { recursive: true });
      etcd = await startEtcd(options, etcdURL);
    },
  };
}

async function startEtcd({ programs, folder, guard }: ServerOptions, url: string): Promise<ServerProcess> {
  const etcd = startServer(
    programs.etcd,
    {
      "data-dir": path.join(folder, "etcd"),
      // A test's cluster need not survive the machine.
      "unsafe-no-fsync": "true",
      "listen-client-urls": url,
      "advertise-client-urls": url,
      "listen-peer-urls": "http://127.0.0.1:0",
      "log-level": "warn",
    },
    path.join(folder, "etcd.log"),
  );
  guard.watch([etcd.pid]);
  await untilAnswers("etcd", etcd, async () => (await fetch(`${url}/health`)).ok);
  return etcd;
}

function ownFlags(
  { folder, adminToken, tokenReviewURL }: ServerOptions,
  pair: { readonly certificate: string; readonly privateKey: string },
  port: number,
): Record<string, string> {
  const file = (name: string, content: string): string => {
    writeFileSync(path.join(folder, name), content, { mode: 0o600 });
    return path.join(folder, name);
  };
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const signingKey = file("service-account.key", keys.privateKey.export({ type: "pkcs8", format: "pem" }).toString());
  const publicKey = file("service-account.pub", keys.publicKey.export({ type: "spki", format: "pem" }).toString());
  mkdirSync(path.join(folder, "apiserver"), { mode: 0o700 });
  return {
    "bind-address": "127.0.0.1",
    "secure-port": String(port),
    "cert-dir": path.join(folder, "apiserver"),
    "tls-cert-file": file("server.crt", pair.certificate),
    "tls-private-key-file": file("server.key", pair.privateKey),
    "service-account-issuer": "https://localhost",
    "service-account-key-file": publicKey,
    "service-account-signing-key-file": signingKey,
    "token-auth-file": file("tokens.csv", `${adminToken},admin,admin,"system:masters"\n`),
    "authentication-token-webhook-config-file": file("people.json", webhook(tokenReviewURL)),
    "authentication-token-webhook-version": "v1",
    "authorization-mode": "RBAC",
    // Nobody would make the service account that it demands of pods.
    "disable-admission-plugins": "ServiceAccount",
    "service-cluster-ip-range": "10.0.0.0/24",
    // Nothing here needs the endpoints of the `kubernetes` service.
    "endpoint-reconciler-type": "none",
  };
}

/** A kubeconfig in JSON, as webhooks are configured with. */
function webhook(url: string): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "people", cluster: { server: url } }],
    contexts: [{ name: "people", context: { cluster: "people" } }],
    "current-context": "people",
  });
}
