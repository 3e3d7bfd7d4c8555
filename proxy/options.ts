import { UserError } from "#lib/errors.ts";
import { logLevels, type LogLevel } from "#lib/log.ts";
import type { StsEndpoint } from "#wire/proof.ts";
import { isLoopback } from "./listen/listener.ts";
import { type KeyPin, parseKeyPin } from "./link/pin.ts";

/** A proxy's configuration, complete and checked. It comes from the task definition's environment and from ECS, never from a file. */
export interface ProxyOptions {
  /** `namespace/name` of the Proxy object. */
  readonly proxy: string;
  readonly installation: string;
  readonly controller: { readonly host: string; readonly port: number; readonly pin: KeyPin };
  readonly listen: { readonly host: string; readonly port: number };
  /** Directory of the audit spool. */
  readonly spoolDirectory: string;
  /** Extra authorities for database certificates, PEM. */
  readonly databaseCAFile: string | undefined;
  readonly logLevel: LogLevel;
  readonly region: string;
  readonly sts: StsEndpoint;
  readonly credentials: { readonly fullURI?: string; readonly relativeURI?: string };
  readonly metadataURL: string;
  /** `http://…` of the ECS agent, for task protection; undefined where ECS gives none. */
  readonly agentURI: string | undefined;
  /** How long sessions may go on after SIGTERM, in ms: what ECS gives the task, less what ending it in order takes. */
  readonly drainOnStopMs: number;
}

/** Where the proxy listens unless told otherwise. */
const defaultPort = 9_432;

/** Seconds that ECS gives a container between SIGTERM and SIGKILL unless its definition says otherwise, and the most that Fargate gives. */
const stopTimeoutDefaultSeconds = 30;
const stopTimeoutMaxSeconds = 120;
/**
 * Of these, the seconds kept for the end: sessions are cut and their backends confirmed gone (15 at most), and the last records are
 * shipped (8).
 */
const endingSeconds = 25;

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Compiles the environment once. Throws `UserError` that names the variable, never its value where that could be a secret. */
export function readOptions(env: Environment): ProxyOptions {
  const region = required(env, "AWS_REGION", "the platform sets it to the task's region", /^[a-z0-9-]{1,32}$/);
  const { AWS_CONTAINER_CREDENTIALS_FULL_URI: fullURI, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: relativeURI } = env;
  if (!fullURI && !relativeURI) {
    throw invalid(
      "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
      "is not set: the task has no task role",
      "Give the task definition a task role.",
    );
  }
  const host = env["SALLYPORT_LOOPBACK"] || "127.0.0.1";
  if (!isLoopback(host)) {
    throw invalid(
      "SALLYPORT_LOOPBACK",
      "is not an address in 127.0.0.0/8",
      "Remove it, or set it to a loopback address.",
    );
  }
  return {
    proxy: required(
      env,
      "SALLYPORT_PROXY",
      "the Proxy object as namespace/name",
      /^[a-z0-9.-]{1,63}\/[a-z0-9.-]{1,63}$/,
    ),
    installation: required(env, "SALLYPORT_INSTALLATION", "the controller's installation name", /^\S{1,63}$/),
    controller: readController(env),
    listen: { host, port: readPort(env) },
    spoolDirectory: env["SALLYPORT_SPOOL_DIR"] || "spool",
    databaseCAFile: env["SALLYPORT_DATABASE_CA_FILE"] || undefined,
    logLevel: readLogLevel(env),
    region,
    sts: { url: stsURL(env, region), region },
    credentials: {
      ...(fullURI ? { fullURI } : {}),
      ...(relativeURI ? { relativeURI } : {}),
    },
    metadataURL: required(
      env,
      "ECS_CONTAINER_METADATA_URI_V4",
      "ECS sets it in every task",
      /^http:\/\/[\w.:[\]/-]{1,512}$/,
    ),
    agentURI: env["ECS_AGENT_URI"] || undefined,
    drainOnStopMs: readDrainOnStop(env),
  };
}

function readDrainOnStop(env: Environment): number {
  const text = env["SALLYPORT_STOP_TIMEOUT_SECONDS"] || String(stopTimeoutDefaultSeconds);
  const seconds = Number(text);
  if (!/^\d{1,3}$/.test(text) || seconds > stopTimeoutMaxSeconds) {
    const next = "Set it to the container's stopTimeout, or remove it for ECS's default of 30.";
    throw invalid("SALLYPORT_STOP_TIMEOUT_SECONDS", "is not a number of seconds from 0 to 120", next);
  }
  return Math.max(0, seconds - endingSeconds) * 1_000;
}

function required(env: Environment, name: string, meaning: string, pattern: RegExp): string {
  const value = env[name];
  if (!value) {
    throw invalid(name, `is not set (${meaning})`, `Set ${name} in the task definition.`);
  }
  if (!pattern.test(value)) {
    throw invalid(name, `does not have the expected form (${meaning})`, `Correct ${name} in the task definition.`);
  }
  return value;
}

function invalid(name: string, what: string, next: string): UserError {
  return new UserError("InvalidConfiguration", `The environment variable ${name} ${what}.`, { next });
}

function readController(env: Environment): ProxyOptions["controller"] {
  const name = "SALLYPORT_CONTROLLER_URL";
  const url = URL.parse(required(env, name, "the controller's address, https://host:port", /^https:\/\//));
  if (url === null || url.username !== "" || url.search !== "" || (url.pathname !== "/" && url.pathname !== "")) {
    throw invalid(name, "is not of the form https://host:port", `Correct ${name} in the task definition.`);
  }
  const pinName = "SALLYPORT_CONTROLLER_PIN";
  const pin = parseKeyPin(required(env, pinName, "sha256: and 64 hex digits", /^sha256:[0-9a-f]{64}$/i));
  if (pin === undefined) {
    throw invalid(pinName, "is not a pin", `Correct ${pinName} in the task definition.`);
  }
  return { host: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port || 443), pin };
}

function readPort(env: Environment): number {
  const text = env["SALLYPORT_PORT"] || String(defaultPort);
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1_024 || port > 65_535) {
    throw invalid("SALLYPORT_PORT", "is not a port from 1024 to 65535", "Correct it, or remove it for 9432.");
  }
  return port;
}

function readLogLevel(env: Environment): LogLevel {
  const text = env["SALLYPORT_LOG_LEVEL"] || "info";
  const level = logLevels.find((known) => known === text);
  if (level === undefined) {
    throw invalid("SALLYPORT_LOG_LEVEL", `is not one of ${logLevels.join(", ")}`, "Correct it, or remove it for info.");
  }
  return level;
}

/** The regional endpoint, or the one that the SDK's own variables name. */
function stsURL(env: Environment, region: string): string {
  const configured = env["AWS_ENDPOINT_URL_STS"] || env["AWS_ENDPOINT_URL"];
  return configured || `https://sts.${region}.${region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com"}`;
}
