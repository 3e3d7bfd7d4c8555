import { randomBytes, randomUUID, X509Certificate, createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { fileURLToPath } from "node:url";
import { type Clock, systemClock } from "#lib/clock.ts";
import { jsonLog } from "#lib/log.ts";
import { awsPorts } from "./aws/aws.ts";
import { Fence } from "./leadership/fence.ts";
import { createTelemetry, type TelemetryListeners } from "./metrics/telemetry.ts";
import { compileOptions, type ControllerOptions } from "./options.ts";
import { LeadershipLost, startController } from "./controller.ts";

/**
 * How long a stop may take, in milliseconds: the loop's grace twice, and a little for the rest. Kubernetes kills a pod after
 * `terminationGracePeriodSeconds`, which must be longer.
 */
const stopGraceMs = 30_000;

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
  const clock = systemClock;
  const { installation } = options;
  const telemetry = createTelemetry({ version, installation, clock, log, processMetrics: true });
  await telemetry.listen({ probes: options.probeListen, metrics: metricsListener(options) });
  const fence = new Fence();
  const controller = await startController({
    options,
    version,
    telemetry,
    publicKeyPin: publicKeyPin(options.certificate),
    log,
    clock,
    random: randomBytes,
    newID: randomUUID,
    fetch: globalThis.fetch,
    ports: awsPorts({ region: options.region, installation, clock, recorder: telemetry.aws, beforeWrite: fence.pass }),
    fence,
    stsURL: process.env["AWS_ENDPOINT_URL_STS"] ?? process.env["AWS_ENDPOINT_URL"],
    environment: process.env,
    hostName: hostname(),
    consoleAssets: fileURLToPath(new URL("../dist/console/", import.meta.url)),
  }).catch(async (error: unknown) => {
    await telemetry.close();
    throw error;
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
  if (failure instanceof LeadershipLost) {
    log.error("controller ends at once", { error: failure });
    // Another replica acts: nothing may be finished here. What is on the disk bears it, as it bears SIGKILL.
    process.exit(1);
  }
  if (!(await endsInTime(controller.stop(), clock))) {
    log.error("controller did not stop in time", { graceMs: stopGraceMs });
    process.exit(1);
  }
  await telemetry.close();
  if (failure !== undefined) {
    log.error("controller failed", { error: failure });
    return 1;
  }
  return 0;
}

/** Where and how metrics are shown; undefined: nowhere. */
function metricsListener(options: ControllerOptions): TelemetryListeners["metrics"] {
  const { metricsListen: address, source, certificate: cert, privateKey: key } = options;
  const isSecure = source.kind === "cluster" && source.metricsSecure;
  return address === undefined ? undefined : { address, ...(isSecure ? { tls: { cert, key } } : {}) };
}

/** Whether a stop came to its end within the grace. Rejects as it does. */
async function endsInTime(stopped: Promise<void>, clock: Clock): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const cancel = clock.after(stopGraceMs, () => late.resolve(false));
  const isInTime = await Promise.race([stopped.then(() => true), late.promise]);
  cancel();
  return isInTime;
}

/** `sha256:` and the hex digest of the DER SubjectPublicKeyInfo (RFC 7469 2.4 hashes the same bytes): what proxies pin. */
function publicKeyPin(certificate: string): string {
  const spki = new X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" });
  return `sha256:${createHash("sha256").update(spki).digest("hex")}`;
}
