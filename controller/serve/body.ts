import type { Context } from "hono";
import { HttpProblem } from "./route.ts";

/**
 * A request's body as text, read by ourselves: whether or not it says its length, no more than `bytesMax` are ever held. (The
 * framework's own limit makes a request anew, which another kind of request than Node's does not survive.) Throws 413, and 400 for what
 * is not UTF-8.
 */
export async function readText(context: Context, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of context.req.raw.body ?? []) {
    bytes += chunk.length;
    if (bytes > bytesMax) {
      throw new HttpProblem(413, "BodyTooLarge", `the request body exceeds ${bytesMax} bytes`);
    }
    chunks.push(chunk);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new HttpProblem(400, "InvalidBody", "the request body is not UTF-8");
  }
}

/** The JSON of a request's body, of at most `bytesMax` bytes. Throws 413 and 400. */
export async function readJSON(context: Context, bytesMax: number): Promise<unknown> {
  const text = await readText(context, bytesMax);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new HttpProblem(400, "InvalidBody", "the request body is not JSON");
  }
}
