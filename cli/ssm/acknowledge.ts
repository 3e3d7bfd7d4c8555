import type { EpochMs } from "#lib/clock.ts";
import { identifierText } from "./identifier.ts";
import { encodeMessage, synFin, type Message } from "./message.ts";
import { ProtocolError } from "./protocol-error.ts";

/**
 * Writes the acknowledgement of `message`: not sequenced, not acknowledged itself, both flag bits set
 * (amazon-ssm-agent, datachannel.go, SendAcknowledgeMessage). `id` is that of the acknowledgement.
 */
export function encodeAcknowledge(message: Message, id: Uint8Array, now: EpochMs): Buffer {
  // The type comes from the wire: only JSON's own escaping makes it safe to quote.
  const content =
    `{"AcknowledgedMessageType":${JSON.stringify(message.type)},"AcknowledgedMessageId":"${identifierText(message.id)}",` +
    `"AcknowledgedMessageSequenceNumber":${message.sequence},"IsSequentialMessage":true}`;
  return encodeMessage({
    type: "acknowledge",
    createdTime: now,
    sequence: 0,
    flags: synFin,
    id,
    payloadType: 0,
    payload: [Buffer.from(content)],
  });
}

/** The sequence number that an acknowledgement names; both ends match nothing else. Throws ProtocolError. */
export function acknowledgedSequence(payload: Buffer): number {
  let content: unknown;
  try {
    content = JSON.parse(payload.toString("utf8"));
  } catch {
    throw new ProtocolError("acknowledgement that is not JSON");
  }
  const sequence = (content as { AcknowledgedMessageSequenceNumber?: unknown } | null)
    ?.AcknowledgedMessageSequenceNumber;
  if (typeof sequence !== "number" || !Number.isSafeInteger(sequence) || sequence < 0) {
    throw new ProtocolError("acknowledgement without a sequence number");
  }
  return sequence;
}
