import type { IncomingMessage } from "node:http";

/** A request once its body has arrived. */
export interface HttpRequest {
  readonly method: string;
  /** Path as sent, still percent-encoded, without the query. */
  readonly path: string;
  /** Query as sent, without `?`; empty when there is none. */
  readonly query: string;
  /** Lower-case names; values of a repeated header are joined by a comma without a space, as SigV4 joins them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/**
 * Largest request body, in bytes: 1 MiB. The largest legal request is PutSecretValue with 65,536 bytes, or an inline policy of
 * 32,768; JSON escapes at most sixfold.
 */
export const bodyBytesMax = 1024 * 1024;

/** Reads a request to its end; undefined when the body is larger than `bodyBytesMax`. */
export async function readRequest(message: IncomingMessage): Promise<HttpRequest | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) {
      return undefined;
    }
    chunks.push(chunk);
  }
  return { ...headOf(message), body: Buffer.concat(chunks) };
}

/** A request without its body, such as an upgrade. */
export function headOf(message: IncomingMessage): HttpRequest {
  const target = message.url ?? "/";
  const mark = target.indexOf("?");
  return {
    method: message.method ?? "GET",
    path: mark === -1 ? target : target.slice(0, mark),
    query: mark === -1 ? "" : target.slice(mark + 1),
    headers: joinedHeaders(message),
    body: Buffer.alloc(0),
  };
}

function joinedHeaders(message: IncomingMessage): Record<string, string> {
  const joined: Record<string, string> = {};
  for (const [name, values] of Object.entries(message.headersDistinct)) {
    joined[name] = (values ?? []).join(",");
  }
  return joined;
}

/** The pairs of a query or a form, decoded, in order. A `+` is a space. Throws `URIError` when the encoding is broken. */
export function decodePairs(text: string): [string, string][] {
  return text
    .split("&")
    .filter((part) => part !== "")
    .map((part) => {
      const mark = part.indexOf("=");
      const name = mark === -1 ? part : part.slice(0, mark);
      const value = mark === -1 ? "" : part.slice(mark + 1);
      return [decode(name), decode(value)];
    });
}

function decode(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}
