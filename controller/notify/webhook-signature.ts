import { createHmac } from "node:crypto";
import { Secret } from "#lib/secret.ts";

const prefix = "whsec_";
/** Standard Webhooks 1.0, "Symmetric": a secret has 24 to 64 bytes. */
const secretBytesMin = 24;
const secretBytesMax = 64;

/** The key in a secret as Standard Webhooks writes it (`whsec_` and base64); undefined where it is none. */
export function webhookKey(text: string): Secret | undefined {
  const coded = text.startsWith(prefix) ? text.slice(prefix.length) : "";
  const { byteLength } = Buffer.from(coded, "base64");
  const isKey = /^[A-Za-z0-9+/]+={0,2}$/.test(coded) && byteLength >= secretBytesMin && byteLength <= secretBytesMax;
  return isKey ? new Secret(coded) : undefined;
}

/** What is signed, and by when. */
export interface WebhookMessage {
  /** The same at every try. Has no dot: what is signed is split at dots. */
  readonly id: string;
  /** Of this try, in seconds since the epoch. */
  readonly timestamp: number;
  readonly body: string;
}

/**
 * The headers of a message (Standard Webhooks 1.0, "Webhook headers"). One signature for each key, so that a receiver which has either the
 * old or the new one takes it.
 */
export function webhookHeaders(
  { id, timestamp, body }: WebhookMessage,
  keys: readonly Secret[],
): Readonly<Record<string, string>> {
  const signatures = keys.map((key) => {
    const hmac = createHmac("sha256", Buffer.from(key.reveal(), "base64"));
    return `v1,${hmac.update(`${id}.${timestamp}.${body}`).digest("base64")}`;
  });
  return {
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": signatures.join(" "),
  };
}
