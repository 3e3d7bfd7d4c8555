import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { freePort } from "#test/harness/postgres.ts";
import { startServer } from "./server-process.ts";

/** moto: S3 and CloudWatch Logs as somebody else understood them. */
export interface Moto {
  readonly url: string;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Credentials that moto takes, as it takes any; set in the environment, where the SDK's chain finds them. */
export const motoCredentials = { AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE", AWS_SECRET_ACCESS_KEY: "secret" };

/** Starts moto on a loopback port. `python` has it installed. */
export async function startMoto(python: string): Promise<Moto> {
  const port = await freePort();
  const folder = mkdtempSync(path.join(tmpdir(), "sallyport-moto-"));
  const server = await startServer(python, ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)], port, {
    folder,
  });
  const stop = (): Promise<void> => server.stop();
  return { url: `http://127.0.0.1:${port}`, stop, [Symbol.asyncDispose]: stop };
}
