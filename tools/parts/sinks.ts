import path from "node:path";
import { prepareVenv, venvProgram } from "../python.ts";
import { type Part, remember } from "./part.ts";

/** Pins moto and opentelemetry-proto, with checksums. */
const requirements = path.join(import.meta.dirname, "..", "python", "sinks.txt");
const part = "sink servers";

/** An interpreter that has moto (S3, CloudWatch Logs, KMS) and the OTLP messages, or why it is missing. */
export function sinkServers(): Part<{ readonly file: string }> {
  return venvProgram(requirements, "python3", part);
}

/** Brings it where it is missing. */
export function bringSinkServers(report: (text: string) => void): void {
  remember(
    part,
    prepareVenv(requirements, () => report("bringing moto and opentelemetry-proto from PyPI (about 40 MB, once)")),
  );
}
