import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { type Agent, request } from "node:https";
import path from "node:path";
import { text } from "node:stream/consumers";
import { stringify } from "yaml";
import { kubectlPart } from "#tools/parts/kube.ts";
import { isMissing } from "#tools/parts/part.ts";

/** An answer of the API server. */
export interface ApiAnswer {
  readonly status: number;
  /** Parsed JSON; text where it is none. */
  readonly body: unknown;
}

/** One request of a test's own, on no code of the project. */
export interface ApiRequest {
  /** Path and query. */
  readonly path: string;
  /** GET by default. */
  readonly method?: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, in place of `body`. */
  readonly raw?: string;
  /** `application/json` by default; patches name theirs. */
  readonly contentType?: string;
  /** The administrator's by default. */
  readonly token?: string;
}

/** Where an API server is and how it proves that. */
export interface ApiAddress {
  readonly url: string;
  readonly caPEM: string;
}

/** Asks the API server. Every status is an answer; only a connection that fails rejects. */
export async function ask(address: ApiAddress, agent: Agent, what: ApiRequest, token: string): Promise<ApiAnswer> {
  const sending = what.raw ?? (what.body === undefined ? undefined : JSON.stringify(what.body));
  const sent = request(`${address.url}${what.path}`, {
    method: what.method ?? "GET",
    agent,
    headers: {
      authorization: `Bearer ${what.token ?? token}`,
      accept: "application/json",
      ...(sending === undefined ? {} : { "content-type": what.contentType ?? "application/json" }),
    },
  });
  const answered = new Promise<ApiAnswer>((resolve, reject) => {
    sent.once("error", reject);
    sent.once("response", (response) => {
      text(response).then(
        (words) => resolve({ status: response.statusCode ?? 0, body: parsed(words) }),
        (error: unknown) => reject(error as Error),
      );
    });
  });
  sent.end(sending);
  return answered;
}

function parsed(words: string): unknown {
  try {
    return JSON.parse(words) as unknown;
  } catch {
    return words;
  }
}

/** Writes a kubeconfig of one cluster and one person. */
export function writeKubeconfig(file: string, address: ApiAddress, user: string, token: string): string {
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: "test",
        cluster: {
          server: address.url,
          "certificate-authority-data": Buffer.from(address.caPEM).toString("base64"),
        },
      },
    ],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: "test", context: { cluster: "test", user } }],
    "current-context": "test",
  };
  writeFileSync(file, stringify(config), { mode: 0o600 });
  return file;
}

/** kubectl ended with another code than 0; the message has what it said. */
export class KubectlFailed extends Error {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  constructor(args: readonly string[], code: number, stdout: string, stderr: string) {
    super(`kubectl ${args.join(" ")} ended with ${code}: ${stderr || stdout}`);
    this.code = code;
    this.stdout = stdout;
    this.stderr = stderr;
  }
}

/** Asked for once: the question starts a process. */
let kubectl: ReturnType<typeof kubectlPart> | undefined;

/** Runs kubectl and gives what it printed. Rejects with `KubectlFailed`. */
export function runKubectl(
  args: readonly string[],
  at: { readonly kubeconfig: string; readonly stdin?: string },
): Promise<string> {
  kubectl ??= kubectlPart();
  if (isMissing(kubectl)) {
    return Promise.reject(new Error(kubectl.missing));
  }
  // Its cache of what the server offers belongs to this server alone.
  const home = path.dirname(at.kubeconfig);
  const env = { PATH: process.env["PATH"] ?? "", HOME: home, KUBECONFIG: at.kubeconfig };
  const { file } = kubectl;
  return new Promise((resolve, reject) => {
    const child = execFile(file, [...args], { env, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      if (error === null) {
        resolve(stdout);
      } else if (typeof error.code === "number") {
        reject(new KubectlFailed(args, error.code, stdout, stderr));
      } else {
        reject(error);
      }
    });
    child.stdin?.on("error", () => {});
    child.stdin?.end(at.stdin ?? "");
  });
}
