import { request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { SinkFailure } from "./failure.ts";
import { isCertificateFailure, type TlsFiles, tlsOptions } from "./tls.ts";

/** What a server answered. */
export interface HTTPAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** At most 64 KiB of it. */
  readonly body: string;
}

export interface HTTPPost {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly tls: TlsFiles;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Longest answer that is read: a confirmation or an error is a few hundred bytes. */
const answerBytesMax = 65_536;

/** Posts a body. Redirects are not followed: credentials would go where nobody sent them. Rejects with a `SinkFailure`. */
export async function post({ url, headers, body, tls, timeoutMs, signal }: HTTPPost): Promise<HTTPAnswer> {
  const isTLS = url.protocol === "https:";
  const secure = isTLS ? await tlsOptions(tls) : {};
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      const kind = isCertificateFailure(error) ? "refused" : "unreachable";
      const message = limit.aborted && !signal.aborted ? `no answer within ${timeoutMs / 1_000} s` : error.message;
      reject(new SinkFailure(kind, `${url.host}: ${message}`, { cause: error }));
    };
    const options = {
      ...secure,
      method: "POST",
      signal: limit,
      headers: { ...headers, "content-length": body.byteLength },
    };
    const outgoing = (isTLS ? tlsRequest : plainRequest)(url, options, (incoming) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      incoming.on("data", (chunk: Buffer) => {
        bytes += chunk.byteLength;
        if (bytes <= answerBytesMax) {
          chunks.push(chunk);
        } else {
          incoming.destroy(new Error("the answer is too long"));
        }
      });
      incoming.on("error", fail);
      incoming.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text });
      });
    });
    outgoing.on("error", fail);
    outgoing.end(body);
  });
}
