import { trailEvents } from "#wire/trail-event.ts";
import { grantStates } from "./grants/grant-view.ts";
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

/** What `kinds/digest.ts` makes. */
export const grantDigestText: JsonSchema = { type: "string", pattern: "^sha256:[0-9a-f]{64}$" };
/** Name of a workflow's step, as crds/accessworkflow.yaml has it. */
export const stepName: JsonSchema = {
  type: "string",
  pattern: "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$",
  maxLength: 63,
};
const decision = object(
  {
    decision: oneOf("Approve", "Deny"),
    reviewer: object({ kind: oneOf("User", "Pipeline"), username: text(256) }),
    time: instant,
    comment: text(2048, 0),
  },
  ["comment"],
);
const approval = object(
  {
    kind: oneOf("Automatic", "Reviewed", "BreakGlass"),
    state: oneOf("Waiting", "Approved", "Denied"),
    steps: listOf(
      object({
        name: text(63),
        approvers: listOf(object({ kind: oneOf("User", "Group", "Pipeline"), name: text(256) })),
        requiredApprovals: integer(1, 16),
        decisions: listOf(decision),
        state: oneOf("Waiting", "Approved", "Denied"),
      }),
    ),
    deadline: instant,
  },
  ["deadline"],
);

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
  requester: text(256),
  urgency: oneOf("Normal", "BreakGlass"),
  workflow: text(63),
  durationSeconds: integer(60, 604_800),
  startTime: instant,
  notAfterTime: instant,
  digest: grantDigestText,
  approval,
  extension: object(
    { count: integer(0, 100), maxCount: integer(0, 100), fromTime: instant, durationSeconds: integer(60, 604_800) },
    ["fromTime"],
  ),
  actions: listOf(oneOf("approve", "deny", "extend", "revoke", "cancel", "connect", "viewStatements")),
};
const optionalOfGrant = [
  "requestTime",
  "activationTime",
  "expiryTime",
  "endTime",
  "endReason",
  "flagged",
  "flaggedMessage",
  "requester",
  "urgency",
  "workflow",
  "durationSeconds",
  "startTime",
  "notAfterTime",
  "digest",
  "approval",
  "extension",
  "actions",
];
/** `GrantView` */
export const grantView = object(grantProperties, optionalOfGrant);

/** `ReviewedGrant` */
export const reviewedGrant = object(
  {
    ...grantProperties,
    review: object({ name: text(63), state: oneOf("Counted", "Waiting"), message: text(4096, 0) }),
  },
  optionalOfGrant,
);

/** `IdentityProof` */
export const identityProof = object(
  { credential: text(256), date: text(16), signature: text(64), securityToken: text(8192) },
  ["securityToken"],
);

/** `TrailEvent`, with its place in the store. */
export const trailEvent = object(
  {
    storeSeq: integer(0, Number.MAX_SAFE_INTEGER),
    event: oneOf(...trailEvents),
    time: instant,
    actor: object({ kind: oneOf("User", "Pipeline", "Cluster", "Controller"), name: text(256, 0) }),
    grantID: text(32),
    grant: text(127),
    userName: text(128),
    database: text(127),
    role: text(63),
    session: text(64),
    detail: { type: "object", additionalProperties: { type: "string" } },
  },
  ["grantID", "grant", "userName", "database", "role", "session", "detail"],
);

/** One of several shapes. */
export function anyOf(...schemas: JsonSchema[]): JsonSchema {
  return { anyOf: schemas };
}

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
    sqlText: object({ text: integer(1, Number.MAX_SAFE_INTEGER), bytes: integer(0, Number.MAX_SAFE_INTEGER) }),
    parameters: listOf({ type: ["string", "null"] }),
    parametersOmitted: integer(0, Number.MAX_SAFE_INTEGER),
    redacted: integer(0, Number.MAX_SAFE_INTEGER),
    notices: listOf(text(256)),
    transaction: oneOf("idle", "transaction", "failed"),
    outcome: text(64),
    tag: text(256, 0),
    rows: integer(0, Number.MAX_SAFE_INTEGER),
    durationMs: { type: "number" },
    sqlState: text(5),
    message: { type: "string" },
  },
  [
    "statement",
    "sql",
    "parameters",
    "parametersOmitted",
    "redacted",
    "notices",
    "transaction",
    "outcome",
    "tag",
    "rows",
    "durationMs",
    "sqlState",
    "message",
  ],
);
