import { readFileSync } from "node:fs";
import path from "node:path";
import type { Agent, RequestOptions } from "node:https";
import type { KubeConfig } from "@kubernetes/client-node";
import { parse } from "yaml";
import { coerceError, UserError } from "#lib/errors.ts";
import type { KubeAccess, KubeCredentials } from "./access.ts";

/** Where to find the API server. */
export interface KubeconfigOptions {
  /** Path of a kubeconfig file (`--kubeconfig`). Absent: the pod's service account, then `KUBECONFIG`, then `~/.kube/config`. */
  readonly file?: string | undefined;
  /** Context of that file; absent: its current one. */
  readonly context?: string | undefined;
  /** The process's environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * Finds the API server as kubectl and every operator do. The client library is loaded here, and only here: a controller that
 * reads a folder starts without it.
 * @throws UserError where there is no configuration, or one that says nothing useful
 */
export async function loadKubeAccess(options: KubeconfigOptions): Promise<KubeAccess> {
  const library = await import("@kubernetes/client-node");
  const read = (): KubeConfig => loadConfig(new library.KubeConfig(), options);
  let config = read();
  const server = serverOf(config, options);
  return {
    server,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace,
    credentials: () => credentialsOf(config),
    async refresh() {
      config = read();
    },
  };
}

function loadConfig(config: KubeConfig, options: KubeconfigOptions): KubeConfig {
  const { file, context, environment } = options;
  try {
    if (file !== undefined) {
      config.loadFromFile(file);
      readTokenFiles(config, file);
    } else if (environment["KUBERNETES_SERVICE_HOST"] === undefined) {
      config.loadFromDefault();
    } else {
      config.loadFromCluster();
    }
  } catch (thrown) {
    throw unusable(options, coerceError(thrown));
  }
  if (context !== undefined) {
    config.setCurrentContext(context);
  }
  return config;
}

/** `tokenFile` (client-go, clientcmd/api/v1 AuthInfo) is not known to the library; a token that rotates must be read again. */
function readTokenFiles(config: KubeConfig, file: string): void {
  const { users = [] } = parse(readFileSync(file, "utf8")) as {
    users?: readonly {
      readonly name?: string;
      readonly user?: { readonly tokenFile?: string; readonly token?: string };
    }[];
  };
  config.users = config.users.map((user) => {
    const { tokenFile, token } = users.find(({ name }) => name === user.name)?.user ?? {};
    if (tokenFile === undefined || token !== undefined) {
      return user;
    }
    const absolute = path.resolve(path.dirname(file), tokenFile);
    return { ...user, authProvider: { name: "tokenFile", config: { tokenFile: absolute } } };
  });
}

function serverOf(config: KubeConfig, options: KubeconfigOptions): URL {
  const context = config.getCurrentContext();
  const { server } = config.getCurrentCluster() ?? {};
  if (server === undefined || config.getCurrentUser() === null) {
    const why = context ? `its context "${context}" names no cluster and user that are there` : "it names no context";
    throw unusable(options, new Error(why));
  }
  if (!URL.canParse(server)) {
    throw unusable(options, new Error(`the server's address is "${server}"`));
  }
  return new URL(server);
}

async function credentialsOf(config: KubeConfig): Promise<KubeCredentials> {
  const filled: RequestOptions = {};
  await config.applyToHTTPSOptions(filled);
  const { headers = {}, auth, agent, ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = filled;
  const tls = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
  const basic = auth ? { Authorization: `Basic ${Buffer.from(auth).toString("base64")}` } : {};
  return {
    // A token that was read from a file may end in a newline, which is no part of it.
    headers: { ...trimmed(headers as Readonly<Record<string, unknown>>), ...basic },
    tls: Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined)),
    ...(config.getCurrentCluster()?.proxyUrl === undefined ? {} : { agent: agent as Agent }),
  };
}

function trimmed(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value).trim()]));
}

function unusable({ file }: KubeconfigOptions, cause: Error): UserError {
  const where = file === undefined ? "the configuration of the API server" : `the kubeconfig ${file}`;
  return new UserError("KubeconfigUnusable", `${where} cannot be used: ${cause.message}`, {
    next: "Name a kubeconfig with --kubeconfig, set KUBECONFIG, or run in a pod with a service account.",
    cause,
  });
}
