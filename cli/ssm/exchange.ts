import type { Log } from "#lib/log.ts";
import { acknowledgedSequence, encodeAcknowledge } from "./acknowledge.ts";
import { createIdentifiers, type Random } from "./identifier.ts";
import type { TunnelLimits } from "./limits.ts";
import { decodeMessage, type Message } from "./message.ts";
import { ProtocolError } from "./protocol-error.ts";
import { Receiver } from "./receiver.ts";
import { Sender, type SenderPorts } from "./sender.ts";

/** What an exchange works with, given by its owner. */
export interface ExchangePorts extends Omit<SenderPorts, "nextID"> {
  readonly random: Random;
  readonly log: Log;
  /** The next stream message of the agent, in order and once. */
  readonly onMessage: (payloadType: number, payload: Buffer) => void;
  /** The service has ended the session; `output` is its text for the person, made safe to print, or empty. */
  readonly onChannelClosed: (output: string) => void;
}

/** Text from the service that is shown: enough for a reason, too short to flood a terminal. */
const outputCharacters = 2_000;

/**
 * The reliable exchange of messages with the agent, whatever websockets come and go below: sequence numbers, acknowledgements
 * and resends both ways.
 */
export class Exchange {
  readonly sender: Sender;
  readonly #receiver: Receiver;
  readonly #ports: ExchangePorts;
  readonly #nextID: () => Buffer;
  #invalid = 0;

  constructor(ports: ExchangePorts, limits: TunnelLimits) {
    this.#ports = ports;
    this.#nextID = createIdentifiers(ports.random);
    this.sender = new Sender({ ...ports, nextID: this.#nextID }, limits);
    this.#receiver = new Receiver(
      {
        deliver: (message) => ports.onMessage(message.payloadType, message.payload),
        acknowledge: (message) => ports.transmit(encodeAcknowledge(message, this.#nextID(), ports.clock.now())),
      },
      limits,
    );
  }

  /** Stream messages of the agent that came more than once. */
  get duplicates(): number {
    return this.#receiver.duplicates;
  }

  /** Messages dropped because they were malformed. */
  get invalid(): number {
    return this.#invalid;
  }

  /** Takes one websocket message. */
  receive(bytes: Buffer): void {
    let message: Message;
    let acknowledged: number | undefined;
    try {
      message = decodeMessage(bytes);
      acknowledged = message.type === "acknowledge" ? acknowledgedSequence(message.payload) : undefined;
    } catch (error) {
      if (!(error instanceof ProtocolError)) {
        throw error;
      }
      // As both reference ends do: an unreadable message is not acknowledged, so a correct sender sends it again.
      this.#invalid += 1;
      this.#ports.log.warn("session message dropped", { problem: error.message });
      return;
    }
    if (acknowledged !== undefined) {
      this.sender.acknowledge(acknowledged);
      return;
    }
    switch (message.type) {
      case "output_stream_data":
        this.#receiver.receive(message);
        return;
      case "channel_closed":
        this.#ports.onChannelClosed(closedOutput(message.payload));
        return;
      default:
        // start_publication and pause_publication tell that the agent came or went. The official client ignores them too:
        // holding messages back would gain nothing over the window, which already does.
        this.#ports.log.debug("session message ignored", { type: message.type.slice(0, 40) });
    }
  }
}

/** The `Output` of a channel_closed payload, without control characters that could steer a terminal. */
function closedOutput(payload: Buffer): string {
  try {
    const output = (JSON.parse(payload.toString("utf8")) as { Output?: unknown } | null)?.Output;
    return typeof output === "string" ? printable(output).slice(0, outputCharacters) : "";
  } catch {
    return "";
  }
}

/** `text` without control characters other than line feed and tab. */
export function printable(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n\t]/gu, "");
}
