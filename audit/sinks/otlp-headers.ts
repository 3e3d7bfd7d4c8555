import { readFile } from "node:fs/promises";
import { coerceError } from "#lib/errors.ts";
import { Secret } from "#lib/secret.ts";
import { SinkFailure } from "./failure.ts";

type Headers = Readonly<Record<string, Secret>>;

/** RFC 9110 5.6.2. */
const tokenPattern = /^[\w!#$%&'*+.^`|~-]+$/;

/** Headers from a file with a line `name: value` for each, or those that the environment names, as every OTLP exporter takes them. */
export function otlpHeaders(
  file: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): () => Promise<Headers> {
  return async () => (file === undefined ? headersInEnvironment(environment) : headersInFile(file));
}

/** `name=value,name=value`, percent-encoded (OpenTelemetry specification, `OTEL_EXPORTER_OTLP_HEADERS`); those for logs win. */
export function headersInEnvironment(environment: Readonly<Record<string, string | undefined>>): Headers {
  const given = environment["OTEL_EXPORTER_OTLP_LOGS_HEADERS"] ?? environment["OTEL_EXPORTER_OTLP_HEADERS"] ?? "";
  return headers(
    given.split(",").map((pair) => decoded(pair)),
    "=",
  );
}

async function headersInFile(file: string): Promise<Headers> {
  try {
    return headers((await readFile(file, "utf8")).split("\n"), ":");
  } catch (error) {
    throw error instanceof SinkFailure
      ? error
      : new SinkFailure("refused", coerceError(error).message, { cause: error });
  }
}

function headers(pairs: readonly string[], separator: string): Headers {
  const found: Record<string, Secret> = {};
  for (const pair of pairs.filter((text) => text.trim() !== "")) {
    const at = pair.indexOf(separator);
    const name = pair.slice(0, Math.max(at, 0)).trim();
    if (!tokenPattern.test(name)) {
      throw new SinkFailure("refused", `the headers for OTLP must be name${separator}value`);
    }
    found[name.toLowerCase()] = new Secret(pair.slice(at + 1).trim());
  }
  return found;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
