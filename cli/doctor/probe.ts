import { readFileSync } from "node:fs";
import { type IncomingMessage, request as requestPlain } from "node:http";
import { request } from "node:https";
import type { TLSSocket } from "node:tls";

/** Whoever does not answer a request for a small page within this does not answer. */
const probeTimeoutMs = 5_000;
/** No page that is looked at is larger. */
const bodyBytesMax = 4 * 1024 * 1024;

/** What came back. */
export interface Probed {
  readonly status: number;
  readonly body: string;
  /** The server's Date header, ms since 1970; undefined where it sent none. Whole seconds (RFC 9110 section 5.6.7). */
  readonly serverMs: number | undefined;
  /** Until the headers came, and when the request was sent by this computer's clock, ms. */
  readonly tookMs: number;
  readonly sentMs: number;
  /** Absent for plain HTTP. */
  readonly certificate?: { readonly issuer: string; readonly validTo: string; readonly fingerprint: string };
}

/** Asks for one address on a connection of its own, without following anything. Rejects with the connection's error, or after 5 s. */
export function probe(
  url: string,
  { caFile, signal, now }: { readonly caFile?: string; readonly signal: AbortSignal; readonly now: () => number },
): Promise<Probed> {
  const sentMs = now();
  const options = {
    method: "GET",
    agent: false,
    timeout: probeTimeoutMs,
    signal,
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
  };
  return new Promise((resolve, reject) => {
    const sent = (url.startsWith("http:") ? requestPlain : request)(url, options);
    sent.on("timeout", () => sent.destroy(new Error(`no answer within ${probeTimeoutMs / 1_000} s`)));
    sent.on("error", reject);
    sent.on("response", (response) => {
      const tookMs = now() - sentMs;
      const date = Date.parse(response.headers.date ?? "");
      const certificate = certificateOf(response);
      readBody(response).then((body) => {
        const serverMs = Number.isNaN(date) ? undefined : date;
        const status = response.statusCode ?? 0;
        resolve({ status, body, serverMs, tookMs, sentMs, ...(certificate === undefined ? {} : { certificate }) });
      }, reject);
    });
    sent.end();
  });
}

async function readBody(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) {
    text += chunk as string;
    if (text.length > bodyBytesMax) {
      response.destroy();
      break;
    }
  }
  return text;
}

function certificateOf({ socket }: IncomingMessage): Probed["certificate"] {
  if (!("getPeerCertificate" in socket)) {
    return undefined;
  }
  const { issuer, valid_to: validTo, fingerprint256 } = (socket as TLSSocket).getPeerCertificate();
  const name = issuer?.CN ?? issuer?.O ?? "unknown";
  return { issuer: String(name), validTo: new Date(validTo).toISOString(), fingerprint: fingerprint256 };
}
