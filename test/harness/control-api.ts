import { readFileSync } from "node:fs";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import type { GrantList, GrantView, LoginNonce, LoginResponse } from "#wire/control-api.ts";
import { createProof } from "#wire/proof.ts";
import type { Installation } from "./installation.ts";

/** The control API as one person, without a process for each call. */
export interface ControlApi {
  /** Rejects with an `ApiFailure`, or with the connection's error while no controller listens. */
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
  /** The lines of a stream, until it ends or the reader stops. */
  lines<T>(path: string): AsyncIterable<T>;
  /** The grant of that name, as the person may see it; undefined when there is none. */
  grant(name: string): Promise<GrantView | undefined>;
}

/** An answer other than 2xx. */
export class ApiFailure extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, body: string) {
    super(`the control API answered ${status}: ${body}`);
    this.status = status;
    this.code = (JSON.parse(body) as { error?: { code?: string } }).error?.code ?? "";
  }
}

/** Signs in with the identity permission set when first used, and again whenever a controller does not know the token. */
export function controlApi(installation: Installation, userName: string): ControlApi {
  const ca = readFileSync(installation.caFile, "utf8");
  let token: string | undefined;
  const send = (method: string, path: string, body?: unknown): Promise<string> =>
    new Promise((resolve, reject) => {
      const headers = {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      };
      // A connection of its own: one that is kept would belong to a controller that a test may kill.
      const sent = request(new URL(path, installation.url), { method, ca, headers, agent: false }, (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (chunk: string) => (text += chunk));
        answer.on("error", reject);
        answer.on("end", () => {
          const status = answer.statusCode ?? 0;
          return status < 300 ? resolve(text) : reject(new ApiFailure(status, text));
        });
      });
      sent.on("error", reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  const signIn = async (): Promise<void> => {
    token = undefined;
    const nonce = JSON.parse(await send("POST", "/v1/login/nonce")) as LoginNonce;
    const issued = installation.sandbox.credentialsFor(userName, "sallyport");
    const credentials = {
      accessKeyId: issued.accessKeyID,
      secretAccessKey: issued.secretAccessKey,
      sessionToken: issued.sessionToken ?? "",
    };
    const audience = { purpose: "login", installation: nonce.installation, nonce: nonce.nonce } as const;
    const proof = await createProof(audience, credentials, nonce.sts, new Date());
    const answer = await send("POST", "/v1/login", { nonce: nonce.nonce, proof });
    ({ token } = JSON.parse(answer) as LoginResponse);
  };
  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    if (token === undefined) {
      await signIn();
    }
    try {
      return JSON.parse(await send(method, path, body)) as T;
    } catch (error) {
      if (!(error instanceof ApiFailure) || error.status !== 401) {
        throw error;
      }
      await signIn();
      return JSON.parse(await send(method, path, body)) as T;
    }
  };
  async function* lines<T>(path: string): AsyncGenerator<T, void, void> {
    await call("GET", "/v1/me");
    const sent = request(new URL(path, installation.url), {
      ca,
      headers: { authorization: `Bearer ${token}` },
      agent: false,
    });
    sent.end();
    const [answer] = (await once(sent, "response")) as [IncomingMessage];
    if (answer.statusCode !== 200) {
      throw new ApiFailure(answer.statusCode ?? 0, await text(answer));
    }
    try {
      for await (const line of createInterface({ input: answer })) {
        yield JSON.parse(line) as T;
      }
    } finally {
      answer.destroy();
    }
  }
  return {
    lines,
    get: (path) => call("GET", path),
    post: (path, body) => call("POST", path, body),
    async grant(name) {
      const { items } = await call<GrantList>("GET", "/v1/grants");
      return items.find((item) => item.name === name);
    },
  };
}
