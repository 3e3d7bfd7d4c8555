import { grantStates } from "./grant-view.ts";
import type { JsonSchema } from "./route.ts";

/** An object with exactly these properties; those named in `optional` may be absent. */
export function object(properties: Readonly<Record<string, JsonSchema>>, optional: readonly string[] = []): JsonSchema {
  return {
    type: "object",
    additionalProperties: false,
    required: Object.keys(properties).filter((name) => !optional.includes(name)),
    properties,
  };
}

/** A string of `min` to `max` characters. */
export function text(max: number, min = 1): JsonSchema {
  return { type: "string", minLength: min, maxLength: max };
}

/** RFC 3339 5.6, without leap seconds: what `Date.parse` reads. */
export const instant: JsonSchema = {
  type: "string",
  format: "date-time",
  pattern: "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,9})?(Z|[+-]\\d{2}:\\d{2})$",
};
/** What `lib/grant-id.ts` makes. */
export const grantIDText: JsonSchema = { type: "string", pattern: "^g[a-z2-7]{26}$" };
export const boolean: JsonSchema = { type: "boolean" };

export function integer(minimum: number, maximum: number): JsonSchema {
  return { type: "integer", minimum, maximum };
}

export function listOf(items: JsonSchema): JsonSchema {
  return { type: "array", items };
}

export function oneOf(...values: string[]): JsonSchema {
  return { type: "string", enum: values };
}

export const engine = oneOf("PostgreSQL", "MySQL", "MariaDB");

const grantProperties = {
  grantID: text(32),
  namespace: text(63),
  name: text(63),
  userName: text(128),
  database: text(63),
  role: text(63),
  reason: text(2048, 0),
  state: oneOf(...grantStates),
  readyReason: text(1024, 0),
  message: text(32_768, 0),
  requestTime: instant,
  activationTime: instant,
  expiryTime: instant,
  endTime: instant,
  endReason: text(4096, 0),
  flagged: text(1024),
  flaggedMessage: text(32_768, 0),
};
/** `GrantView` */
export const grantView = object(grantProperties, [
  "requestTime",
  "activationTime",
  "expiryTime",
  "endTime",
  "endReason",
  "flagged",
  "flaggedMessage",
]);

/** `IdentityProof` */
export const identityProof = object(
  { credential: text(256), date: text(16), signature: text(64), securityToken: text(8192) },
  ["securityToken"],
);

export const stsEndpoint = object({ url: text(256), region: text(32) });

/** `StatementEvent` */
export const statementEvent = object(
  {
    storeSeq: integer(0, Number.MAX_SAFE_INTEGER),
    event: oneOf("session-open", "statement-start", "statement-end", "session-close", "gap", "heartbeat"),
    time: instant,
    grantID: text(32, 0),
    session: text(64, 0),
    userName: text(128, 0),
    database: text(128, 0),
    role: text(63, 0),
    statement: integer(0, Number.MAX_SAFE_INTEGER),
    sql: { type: "string" },
    parameters: listOf({ type: ["string", "null"] }),
    outcome: text(64),
    tag: text(256, 0),
    rows: integer(0, Number.MAX_SAFE_INTEGER),
    durationMs: { type: "number" },
    sqlState: text(5),
    message: { type: "string" },
  },
  ["statement", "sql", "parameters", "outcome", "tag", "rows", "durationMs", "sqlState", "message"],
);
