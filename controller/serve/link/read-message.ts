import { Ajv, type ValidateFunction } from "ajv";
import { databaseProblems, type FromTask } from "#wire/link.ts";
import type { JsonSchema } from "../route.ts";
import { identityProof, instant, integer, listOf, object, oneOf, text } from "../schemas.ts";

const count = integer(0, Number.MAX_SAFE_INTEGER);
const spool = object(
  {
    bytes: count,
    bytesMax: count,
    records: count,
    oldestMs: count,
    denied: count,
    lastDenied: instant,
    gaps: count,
    gapRecords: count,
    failedWrites: count,
  },
  ["lastDenied"],
);
const schemas: Readonly<Record<FromTask["type"], JsonSchema>> = {
  prove: object({
    type: oneOf("prove"),
    proxy: text(127),
    taskARN: text(512),
    version: text(64),
    proof: identityProof,
    time: instant,
  }),
  pong: object({ type: oneOf("pong"), id: count, time: instant }),
  cut: object({ type: oneOf("cut"), grantID: text(32), sessions: count, backendsGone: count, time: instant }),
  killed: object({
    type: oneOf("killed"),
    id: count,
    outcome: oneOf("gone", "alive", "unknown", "unknown-session"),
  }),
  status: object(
    {
      type: oneOf("status"),
      sessions: listOf(object({ session: text(64), grantID: text(32), since: instant })),
      draining: { type: "boolean" },
      protectionProblem: text(512, 0),
      audit: spool,
      databases: listOf(
        object(
          {
            key: text(127),
            role: text(63),
            health: oneOf("Reachable", "Unreachable", "SecretUnreadable", "AuthenticationFailed", "TLSRefused"),
            detail: text(2048, 0),
            problem: oneOf(...databaseProblems),
            serverVersion: text(128, 0),
            time: instant,
          },
          ["serverVersion", "problem"],
        ),
      ),
    },
    ["draining", "protectionProblem", "audit"],
  ),
};

const ajv = new Ajv({ strict: false, validateFormats: false });
const checks = new Map<string, ValidateFunction>(
  Object.entries(schemas).map(([type, schema]) => [type, ajv.compile(schema)]),
);

/** Reads a text message of a task; undefined for anything that is not exactly one of the known messages. */
export function readTaskMessage(data: string): FromTask | undefined {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return undefined;
  }
  const type = (value as { type?: unknown } | null)?.type;
  const check = typeof type === "string" ? checks.get(type) : undefined;
  return check?.(value) ? (value as FromTask) : undefined;
}
