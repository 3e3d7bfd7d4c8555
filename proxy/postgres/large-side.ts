import { ClientSide, noBody } from "./client-side.ts";
import type { BoundValue } from "./frontend.ts";
import { type LargeMessage, LargeMessageReader } from "./large-message.ts";
import { front, ProtocolViolation, sqlState } from "./protocol.ts";
import type { TextStore } from "./stored-text.ts";

/** The client's half of the tracker, with messages that are too large to be held in memory. */
export class LargeSide extends ClientSide {
  /** Where texts and values go that are not held in memory; large messages are refused where there is none. */
  texts: TextStore | undefined;
  #large: LargeMessageReader | undefined;
  #largeBytes = 0;

  /** A Query, Parse or Bind begins that is not held in memory; `body` follows in pieces. Throws `ProtocolViolation`. */
  largeBegins(type: number, bodyBytes: number): void {
    if (this.copyIn || this.texts === undefined) {
      throw new ProtocolViolation("unexpected message during COPY from stdin");
    }
    this.decideBound(type, noBody);
    this.#large = new LargeMessageReader(type, bodyBytes, this.texts);
    this.#largeBytes = bodyBytes;
  }

  /** The next piece of its body; valid until the call returns. Throws `ProtocolViolation`, also for what policy refuses. */
  largePiece(piece: Buffer): void {
    const message = this.#large?.push(piece);
    if (message !== undefined) {
      this.#large = undefined;
      this.#largeEnds(message);
    }
  }

  #largeEnds(message: LargeMessage): void {
    if (message.type === front.bind) {
      const { portal, statement, parameters } = message;
      return this.makePortal(portal, statement, parameters, memoryOf(parameters));
    }
    const { sql: stored } = message;
    const { skeleton, unread } = stored;
    const preparedAs = message.type === front.parse ? message.name : undefined;
    const verdict = this.judge?.skeleton(skeleton, unread, preparedAs);
    if (message.type === front.query) {
      this.runQuery(skeleton, stored, verdict, this.#largeBytes);
    } else if (!this.isSkipping) {
      this.prepare(message.name, { sql: skeleton, stored, types: message.types, isRecorded: false }, verdict);
    }
    if (verdict?.refusal !== undefined) {
      // Its beginning is at the server, so nothing can be put in its place; without its end it is nothing.
      this.recordPrepared(true);
      throw new ProtocolViolation(`${verdict.refusal.message}. ${verdict.refusal.hint}`, sqlState.refusedByPolicy);
    }
  }
}

/** What is kept of values that passed in pieces. */
function memoryOf(parameters: readonly BoundValue[]): number {
  let bytes = 0;
  for (const { stored } of parameters) {
    bytes += stored === undefined ? 0 : (typeof stored.text === "string" ? stored.text : stored.text.base64).length;
  }
  return bytes;
}
