import { randomBytes, randomUUID, X509Certificate, createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { systemClock } from "#lib/clock.ts";
import { jsonLog } from "#lib/log.ts";
import { awsPorts } from "./aws/aws.ts";
import { compileOptions } from "./options.ts";
import { startController } from "./controller.ts";

/**
 * `sallyport controller`: runs until `signal` aborts, then stops in the reverse order of the start. Resolves with the exit
 * code. Rejects with a `UserError` when it cannot start.
 */
export async function runController(given: Readonly<Record<string, string>>, signal: AbortSignal): Promise<number> {
  const options = compileOptions(given, process.env);
  const log = jsonLog(options.logLevel, { process: "controller", installation: options.installation });
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  const controller = await startController({
    options,
    version,
    publicKeyPin: publicKeyPin(options.certificate),
    log,
    clock: systemClock,
    random: randomBytes,
    newID: randomUUID,
    fetch: globalThis.fetch,
    ports: awsPorts({ region: options.region, clock: systemClock }),
    stsURL: process.env["AWS_ENDPOINT_URL_STS"] ?? process.env["AWS_ENDPOINT_URL"],
  });
  await Promise.race([
    new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
      if (signal.aborted) {
        resolve();
      }
    }),
    controller.failed,
  ]);
  const failure = signal.aborted ? undefined : await controller.failed;
  await controller.stop();
  if (failure !== undefined) {
    log.error("controller failed", { error: failure });
    return 1;
  }
  return 0;
}

/** `sha256:` and the hex digest of the DER SubjectPublicKeyInfo (RFC 7469 2.4 hashes the same bytes): what proxies pin. */
function publicKeyPin(certificate: string): string {
  const spki = new X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" });
  return `sha256:${createHash("sha256").update(spki).digest("hex")}`;
}
