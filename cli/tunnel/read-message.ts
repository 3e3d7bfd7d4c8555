import type { FromProxy } from "#wire/handshake.ts";

type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === "string";
const count: Check = (value) => typeof value === "number" && Number.isFinite(value);
const flag: Check = (value) => typeof value === "boolean";
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);

/** Fields of each message (wire/handshake.ts) with what they must be. Fields beyond these are let through unread. */
const fields: Readonly<Record<FromProxy["type"], Readonly<Record<string, Check>>>> = {
  hello: { version: count, installation: text, nonce: text },
  welcome: { ticket: optional(text), ticketLifeMs: optional(count), remainingMs: count },
  refuse: { code: text, message: text, retryable: flag, spoken: flag },
  ping: { id: count },
  pong: { id: count },
  warning: { message: text, remainingMs: count },
  ticket: { ticket: text, ticketLifeMs: count },
  drain: { message: text },
  end: { reason: text, message: text },
};

/** A message of the proxy, or undefined for what is none: whatever answers on the port is a stranger until it is checked. */
export function readProxyMessage(value: unknown): FromProxy | undefined {
  if (typeof value !== "object" || value === null) {
    return undefined;
  }
  const message = value as Readonly<Record<string, unknown>>;
  const { type } = message;
  if (typeof type !== "string" || !Object.hasOwn(fields, type)) {
    return undefined;
  }
  const checks = Object.entries(fields[type as FromProxy["type"]]);
  return checks.every(([name, check]) => check(message[name])) ? (message as unknown as FromProxy) : undefined;
}
