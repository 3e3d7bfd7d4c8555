import { readFileSync } from "node:fs";
import { defined } from "#lib/defined.ts";
import type { SinkOptions } from "#audit/sinks/sink-options.ts";
import { UserError } from "#lib/errors.ts";
import { type LogLevel, logLevels } from "#lib/log.ts";
import { type AuditOptions, readAudit } from "./audit-options.ts";
import { readSource, type SourceOptions } from "./cluster-options.ts";
import { readOidc } from "./oidc-options.ts";
import { type Address, readAddress, wrongOption } from "./option-values.ts";
import { readSlack, type SlackOptions } from "./notify/slack/options.ts";
import { readWebhooks, type WebhookOptions } from "./notify/webhook-options.ts";
import { readSinks } from "./sinks/read-sinks.ts";
import { warnBeforeEndMsDefault } from "#wire/link.ts";
import type { OidcOptions } from "./serve/auth/oidc/issuer.ts";

/** The controller's options with everything present and checked. */
export interface ControllerOptions {
  readonly source: SourceOptions;
  /** Directory of this process alone: the audit trail, and with a folder the state of its objects. */
  readonly state: string;
  readonly installation: string;
  readonly certificate: string;
  readonly privateKey: string;
  readonly publicURL: string;
  readonly listen: Address;
  /** Where probes are answered; absent: nowhere. */
  readonly probeListen: Address | undefined;
  /** Where metrics are shown; absent: nowhere. */
  readonly metricsListen: Address | undefined;
  readonly startURL: string;
  readonly identityPermissionSet: string;
  /** Absent: the account of the first Proxy. */
  readonly identityAccount?: string;
  /** Absent: the one that all Proxies name. */
  readonly identityStore?: string;
  /** Absent: nobody signs in by OIDC. */
  readonly oidc?: OidcOptions;
  readonly audit: AuditOptions;
  readonly auditorGroup: string | undefined;
  readonly administratorGroup: string | undefined;
  /** Whether browsers get the console. */
  readonly console: boolean;
  readonly region: string;
  /** How long before a grant's end people are warned: by proxies, the command line and the condition `Expiring`. */
  readonly warnBeforeEndMs: number;
  readonly logLevel: LogLevel;
  /** Where the audit trail goes besides its store. */
  readonly sinks: readonly SinkOptions[];
  /** Who is told of what happens to access. */
  readonly webhooks: readonly WebhookOptions[];
  /** Absent: nothing is said in Slack. */
  readonly slack?: SlackOptions;
}

/** A grant lasts a week at most; who is warned a day ahead has time to ask for an extension that needs approval. */
const warnMinutesMax = 1_440;

/** Tag values of AWS allow far more; this keeps the name readable in tags, audiences and messages. */
const installationPattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** IAM Identity Center API reference, CreatePermissionSet. */
const permissionSetPattern = /^[\w+=,.@-]{1,32}$/;

/** Checks what was typed. Throws a `UserError` that names the flag. */
export function compileOptions(
  given: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string | undefined>>,
): ControllerOptions {
  const installation = given["installation"] ?? "";
  if (!installationPattern.test(installation)) {
    throw wrongOption("installation", installation, "lower-case letters, digits and dashes, at most 63");
  }
  const publicURL = given["public-url"] ?? "";
  if (!URL.canParse(publicURL) || new URL(publicURL).protocol !== "https:") {
    throw wrongOption("public-url", publicURL, "an https address");
  }
  const region = environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"];
  if (region === undefined) {
    throw new UserError("NoRegion", "the controller does not know its AWS region", { next: "Set AWS_REGION." });
  }
  const startURL = given["start-url"] ?? "";
  if (!URL.canParse(startURL)) {
    throw wrongOption("start-url", startURL, "the address of the AWS access portal, https://….awsapps.com/start");
  }
  const identityPermissionSet = given["identity-permission-set"] ?? "";
  if (!permissionSetPattern.test(identityPermissionSet)) {
    throw wrongOption(
      "identity-permission-set",
      identityPermissionSet,
      "a permission set's name, at most 32 characters",
    );
  }
  const identityAccount = given["identity-account"];
  if (identityAccount !== undefined && !/^\d{12}$/.test(identityAccount)) {
    throw wrongOption("identity-account", identityAccount, "an AWS account ID of 12 digits");
  }
  return {
    source: readSource(given),
    state: given["state"] ?? "",
    installation,
    certificate: readPem("tls-cert", given["tls-cert"] ?? ""),
    privateKey: readPem("tls-key", given["tls-key"] ?? ""),
    publicURL: publicURL.replace(/\/+$/, ""),
    listen: readAddress("listen", given["listen"] ?? ""),
    probeListen: readOptional("probe-listen", given["probe-listen"]),
    metricsListen: readOptional("metrics-listen", given["metrics-listen"]),
    startURL,
    identityPermissionSet,
    ...(identityAccount === undefined ? {} : { identityAccount }),
    ...defined({
      identityStore: readIdentityStore(given["identity-store"]),
      oidc: readOidc(given),
      slack: readSlack(given),
    }),
    audit: readAudit(given, environment),
    auditorGroup: given["auditor-group"],
    console: readConsole(given["console"] ?? "on"),
    administratorGroup: given["administrator-group"],
    region,
    warnBeforeEndMs: readWarning(given["warn-before-end"]),
    logLevel: readLevel(given["log-level"] ?? "info"),
    sinks: readSinks(given["audit-sink"]),
    webhooks: readWebhooks(given),
  };
}

function readWarning(text: string | undefined): number {
  return text === undefined ? warnBeforeEndMsDefault : readMinutes("warn-before-end", text, warnMinutesMax) * 60_000;
}

/** Identity Store API reference, IdentityStoreId. */
function readIdentityStore(text: string | undefined): string | undefined {
  if (text !== undefined && !/^(d-[0-9a-f]{10}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.test(text)) {
    throw wrongOption("identity-store", text, "the ID of an Identity Store, such as d-1234567890");
  }
  return text;
}

function readOptional(flag: string, text: string | undefined): Address | undefined {
  return text === undefined ? undefined : readAddress(flag, text);
}

function readMinutes(flag: string, text: string, most: number): number {
  const minutes = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (minutes < 1 || minutes > most) {
    throw wrongOption(flag, text, `a whole number of minutes from 1 to ${most}`);
  }
  return minutes;
}

function readLevel(text: string): LogLevel {
  const level = logLevels.find((candidate) => candidate === text);
  if (level === undefined) {
    throw wrongOption("log-level", text, logLevels.join(", "));
  }
  return level;
}

function readPem(flag: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UserError("FileUnreadable", `--${flag}: ${file} cannot be read`, {
      why: error instanceof Error ? error.message : "",
      next: "Name a PEM file that this user may read.",
      cause: error,
    });
  }
}

function readConsole(text: string): boolean {
  if (text !== "on" && text !== "off") {
    throw wrongOption("console", text, "on or off");
  }
  return text === "on";
}
