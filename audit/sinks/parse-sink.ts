import path from "node:path";
import { isIP } from "node:net";
import { fileURLToPath } from "node:url";
import { UserError } from "#lib/errors.ts";
import { keyTemplateDefault, templateProblem } from "./s3-key.ts";
import { type CommonOptions, limitsDefault, type SinkKind, type SinkOptions } from "./sink-options.ts";
import type { TlsFiles } from "./tls.ts";
import { URLQuery } from "./url-query.ts";

const kinds: Readonly<Record<string, SinkKind>> = {
  "file:": "file",
  "s3:": "s3",
  "cloudwatch:": "cloudwatch",
  "otlp+https:": "otlp",
  "otlp+http:": "otlp",
  "syslog+tls:": "syslog",
  "syslog+tcp:": "syslog",
};

/** Ports where the URL names none: IANA's of syslog over TLS (RFC 5425 4.1), and the one that receivers use for TCP. */
const syslogPorts: Readonly<Record<string, number>> = { "syslog+tls:": 6_514, "syslog+tcp:": 514 };
/** RFC 5425 4.3.1: receivers should take messages of that size. */
const syslogBytesDefault = 8_192;
/** RFC 5425 4.3.1: every receiver takes that much; less than that has no room for a record's head. */
const syslogBytesMin = 2_048;
const mebibyte = 1_048_576;
/** 16 MiB more than the largest record, so that one always fits. */
const bytesMax = 32 * mebibyte;
/** Longest that an item may wait for others: a day. */
const ageSecondsMax = 86_400;
/** The longest that S3 Object Lock takes is a hundred years. */
const retentionDaysMax = 36_500;

/** Reads one `--audit-sink`. Throws a `UserError` that never repeats what could be a secret. */
export function parseSink(text: string): SinkOptions {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const kind = url === undefined ? undefined : kinds[url.protocol];
  if (url === undefined || kind === undefined) {
    throw new UserError(
      "InvalidSink",
      `--audit-sink must be a URL that begins with ${Object.keys(kinds).join("//, ")}//`,
      {
        next: "docs/sinks.md describes every kind.",
      },
    );
  }
  const shown = `${url.protocol}//${url.host}${url.pathname}`;
  const query = new URLQuery(shown, url.searchParams);
  if (url.username !== "" || url.password !== "" || url.hash !== "") {
    throw query.wrong("a URL with a user, a password or a fragment; secrets come from the environment or from files");
  }
  const common = commonOptions(kind, shown, query);
  const options = { ...common, ...ownOptions(kind, url, query) };
  query.finish();
  return options;
}

function commonOptions(kind: SinkKind, shown: string, query: URLQuery): CommonOptions {
  const { items, bytes, ageMs } = limitsDefault[kind];
  const name = query.text("name") ?? shown;
  if (!/^[\u0021-\u007e]{1,200}$/.test(name)) {
    throw query.wrong("its name must be 1 to 200 printable characters of ASCII without spaces; choose one with name=");
  }
  return {
    name,
    from: query.oneOf("from", ["beginning", "now"]) ?? "beginning",
    limits: {
      items: query.number("batchRecords", items, 1, 100_000),
      bytes: query.number("batchBytes", bytes, 1, bytesMax),
      ageMs: query.number("batchSeconds", ageMs / 1_000, 0, ageSecondsMax) * 1_000,
    },
  };
}

type Own = SinkOptions extends infer T ? (T extends SinkOptions ? Omit<T, keyof CommonOptions> : never) : never;

function ownOptions(kind: SinkKind, url: URL, query: URLQuery): Own {
  switch (kind) {
    case "file":
      return fileOptions(url, query);
    case "s3":
      return s3Options(url, query);
    case "cloudwatch":
      return cloudWatchOptions(url, query);
    case "otlp":
      return otlpOptions(url, query);
    case "syslog":
      return syslogOptions(url, query);
  }
}

function fileOptions(url: URL, query: URLQuery): Own {
  if (url.host !== "" || url.pathname === "/") {
    throw query.wrong("it must name a directory of this machine, as file:///var/log/sallyport does");
  }
  return {
    kind: "file",
    directory: path.normalize(fileURLToPath(`file://${url.pathname}`)),
    maxBytes: query.number("maxBytes", 64 * mebibyte, 1, 2 ** 40),
    maxAgeMs: query.number("maxAgeSeconds", 3_600, 1, ageSecondsMax) * 1_000,
  };
}

function s3Options(url: URL, query: URLQuery): Own {
  const bucket = url.host;
  // Amazon S3 User Guide, "General purpose bucket naming rules".
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
    throw query.wrong("it must name a bucket, as s3://bucket/prefix does");
  }
  const mode = query.oneOf("objectLock", ["GOVERNANCE", "COMPLIANCE"]);
  const retentionDays = query.number("retentionDays", 0, 0, retentionDaysMax);
  if ((mode === undefined) !== (retentionDays === 0)) {
    throw query.wrong("objectLock and retentionDays belong together");
  }
  const keyTemplate = query.text("keyTemplate") ?? keyTemplateDefault;
  const problem = templateProblem(keyTemplate);
  if (problem !== undefined) {
    throw query.wrong(`keyTemplate: ${problem}`);
  }
  return {
    kind: "s3",
    bucket,
    prefix: decodeURIComponent(url.pathname).replaceAll(/^\/+|\/+$/g, ""),
    keyTemplate,
    region: query.text("region"),
    endpoint: endpointOf(query),
    objectLock: mode === undefined ? undefined : { mode, retentionDays },
    kmsKeyID: query.text("kmsKey"),
  };
}

function cloudWatchOptions(url: URL, query: URLQuery): Own {
  const whole = decodeURIComponent(url.host) + decodeURIComponent(url.pathname);
  const at = whole.lastIndexOf("/");
  const logGroup = whole.slice(0, Math.max(at, 0));
  const logStream = whole.slice(at + 1);
  // CloudWatch Logs API reference, CreateLogGroup and CreateLogStream.
  if (!/^[\w./#-]{1,512}$/.test(logGroup) || !/^[^:*]{1,512}$/.test(logStream)) {
    throw query.wrong("it must name a log group and a stream, as cloudwatch:///sallyport/audit/stream does");
  }
  return { kind: "cloudwatch", logGroup, logStream, region: query.text("region"), endpoint: endpointOf(query) };
}

function otlpOptions(url: URL, query: URLQuery): Own {
  const isTLS = url.protocol === "otlp+https:";
  assertLocal(isTLS, url, query, "otlp+https");
  const tls = tlsFiles(query);
  const target = `${isTLS ? "https" : "http"}://${url.host}${url.pathname === "" ? "/v1/logs" : url.pathname}`;
  return { kind: "otlp", url: target, headersFile: query.text("headersFile"), tls };
}

function syslogOptions(url: URL, query: URLQuery): Own {
  const isTLS = url.protocol === "syslog+tls:";
  assertLocal(isTLS, url, query, "syslog+tls");
  if (url.hostname === "" || !/^\/?$/.test(url.pathname)) {
    throw query.wrong("it must name a host and no path, as syslog+tls://logs.example.com:6514 does");
  }
  const enterprise = query.text("enterprise");
  if (enterprise !== undefined && !/^\d{1,10}(\.\d{1,10})*$/.test(enterprise)) {
    throw query.wrong("enterprise must be a private enterprise number");
  }
  return {
    kind: "syslog",
    host: url.hostname.replaceAll(/^\[|\]$/g, ""),
    port: url.port === "" ? (syslogPorts[url.protocol] ?? 0) : Number(url.port),
    tls: isTLS ? tlsFiles(query) : undefined,
    maxBytes: query.number("maxBytes", syslogBytesDefault, syslogBytesMin, 16 * mebibyte),
    bom: query.oneOf("bom", ["on", "off"]) !== "off",
    enterprise,
    confirm: query.oneOf("confirm", ["close", "written"]) ?? "close",
  };
}

/** What people typed into databases does not cross a network in the clear, unless somebody says that it may. */
function assertLocal(isTLS: boolean, url: URL, query: URLQuery, secure: string): void {
  const allowed = query.oneOf("plaintext", ["allowed"]);
  const host = url.hostname.replaceAll(/^\[|\]$/g, "");
  const isLocal = host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
  if (!isTLS && !isLocal && allowed === undefined) {
    throw query.wrong(`statements would cross the network in the clear; use ${secure}://, or say plaintext=allowed`);
  }
}

function tlsFiles(query: URLQuery): TlsFiles {
  const files = { caFile: query.text("caFile"), certFile: query.text("certFile"), keyFile: query.text("keyFile") };
  if ((files.certFile === undefined) !== (files.keyFile === undefined)) {
    throw query.wrong("certFile and keyFile belong together");
  }
  return files;
}

function endpointOf(query: URLQuery): string | undefined {
  const endpoint = query.text("endpoint");
  const url = endpoint === undefined || !URL.canParse(endpoint) ? undefined : new URL(endpoint);
  if (endpoint !== undefined && (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== "")) {
    throw query.wrong("endpoint must be an https address without a user");
  }
  return endpoint;
}
