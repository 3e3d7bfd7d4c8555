import { KubeFailure, type KubeCause, type KubeFailureKind } from "./failure.ts";

/** The parts of a Status (meta/v1) that are used. All are optional: proxies in between answer with other bodies. */
interface Status {
  readonly kind?: string;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: {
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[];
  };
}

/** Longest part, in characters, of a body that is no Status and is shown all the same: a proxy's page says little more. */
const foreignTextMax = 200;

/**
 * What an answer that is no success means.
 * @param code HTTP status; 0 where the Status came as an event of a watch and its own code counts
 * @param body the answer as text, or the parsed Status
 * @param retryAfter the header of that name: seconds, or an HTTP date (RFC 9110 10.2.3)
 */
export function failureOf(code: number, body: unknown, retryAfter?: string, now = 0): KubeFailure {
  const status = typeof body === "string" ? parseStatus(body) : ((body ?? {}) as Status);
  const causes = (status.details?.causes ?? []).map((cause) => ({
    reason: cause.reason ?? "",
    message: cause.message ?? "",
    field: cause.field ?? "",
  }));
  const effective = code === 0 ? (status.code ?? 0) : code;
  const { reason = "" } = status;
  const seconds = status.details?.retryAfterSeconds;
  const message = status.message ?? `the API server answered ${effective}`;
  return new KubeFailure(kindOf(effective, reason, message, causes), message, {
    code: effective,
    reason,
    causes,
    retryAfterMs:
      readRetryAfter(retryAfter, now) ?? (seconds === undefined || seconds <= 0 ? undefined : seconds * 1_000),
  });
}

function parseStatus(text: string): Status {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && (value as Status).kind === "Status") {
      return value as Status;
    }
  } catch {
    // Not JSON: a load balancer's page, or the plain text of a server that is starting.
  }
  const line = text.trim().slice(0, foreignTextMax);
  return line === "" ? {} : { message: line };
}

/** apimachinery, pkg/api/errors: what each code and reason stands for. */
function kindOf(code: number, reason: string, message: string, causes: readonly KubeCause[]): KubeFailureKind {
  const isTooLarge =
    causes.some((cause) => cause.reason === "ResourceVersionTooLarge") ||
    message.includes("Too large resource version");
  if (isTooLarge) {
    return "resourceVersionTooLarge";
  }
  if (code === 410 || reason === "Expired" || reason === "Gone") {
    return "gone";
  }
  switch (code) {
    case 401:
      return "unauthorized";
    case 403:
      return "forbidden";
    case 404:
      return "notFound";
    case 409:
      return reason === "AlreadyExists" ? "alreadyExists" : "conflict";
    case 422:
      return "invalid";
    case 429:
      return "tooManyRequests";
    case 0:
    case 408:
      return "unavailable";
    default:
      return code >= 500 ? "unavailable" : "refused";
  }
}

function readRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) {
    return undefined;
  }
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Number.isNaN(ms) || ms <= 0 ? undefined : ms;
}
