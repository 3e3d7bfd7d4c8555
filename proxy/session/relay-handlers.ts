import { readParameterStatus } from "../postgres/backend.ts";
import {
  back,
  front,
  largeMessageBytesMax,
  ProtocolViolation,
  smallMessageBytesMax,
  sqlState,
} from "../postgres/protocol.ts";
import { type FrameHandler, inPieces } from "../postgres/scanner.ts";
import type { Tracker } from "../postgres/tracker.ts";
import type { AnswerEdits } from "./answer-edits.ts";

/**
 * Largest Query, Parse or Bind that is held in memory until it is recorded. A larger one passes in pieces, and is recorded so: its texts
 * are then mostly larger than what a record holds (`inlineCharactersMax` of audit/large-text.ts).
 */
export const heldMessageBytesMax = 256 * 1024;
/**
 * Largest FunctionCall: it is held until it is recorded, and no record is larger. A larger one ends the session with an error before any
 * byte of it is forwarded. Only libpq's large objects use it, in blocks of some KiB.
 */
export const heldCallBytesMax = 15 * 1024 * 1024;
/** Of a server's error message so much is kept for the record; the client gets all of it. */
const errorBytesKept = 16_384;
/** Command tags are short; the longest names a command and two numbers. */
const tagBytesKept = 256;
/** ParameterDescription of the most parameters that a statement can have: 65,535 of 4 bytes. */
const descriptionBytesKept = 2 + 4 * 65_535;
/** ParameterStatus values are settings; the longest that the record uses is a role name. */
const statusBytesMax = 65_536;
/**
 * What a relay looks at of the client's messages. `overwrite` is told what must stand in the chunk that is being pushed instead of what
 * does, and where, counted from its beginning.
 */
export function clientHandler(
  tracker: Tracker,
  onTerminate: () => void,
  overwrite: (at: number, bytes: Buffer) => void,
): FrameHandler {
  return {
    plan(type, bodyBytes) {
      switch (type) {
        case front.query:
        case front.parse:
        case front.bind:
          if (bodyBytes > heldMessageBytesMax && tracker.texts !== undefined) {
            if (bodyBytes + 4 > largeMessageBytesMax) {
              throw new ProtocolViolation("invalid message length");
            }
            tracker.largeBegins(type, bodyBytes);
            return inPieces;
          }
          return heldAtMost(bodyBytes);
        case front.functionCall:
          return heldAtMost(bodyBytes);
        case front.copyData:
          throw new ProtocolViolation("invalid message length");
        case front.sync:
        case front.flush:
        case front.copyDone:
        case front.terminate:
          if (bodyBytes !== 0) {
            throw new ProtocolViolation("invalid message format: bytes follow the end of the message");
          }
          return 0;
        default:
          if (bodyBytes + 4 > smallMessageBytesMax) {
            throw new ProtocolViolation("invalid message length");
          }
          return bodyBytes;
      }
    },
    message(type, body, bodyBytes, end) {
      if (type === front.terminate) {
        onTerminate();
      }
      tracker.client(type, body);
      const refused = tracker.takeOverwrite();
      if (refused !== undefined) {
        overwrite(end - bodyBytes + refused.offset, refused.bytes);
      }
    },
    piece: (bytes) => tracker.largePiece(bytes),
    holdsBack: () => tracker.holdsBack,
    streams: [front.copyData, front.copyData],
    streamed: (_type, _messages, bytes) => tracker.clientCopyData(bytes),
  };
}

function heldAtMost(bodyBytes: number): number {
  if (bodyBytes > heldCallBytesMax) {
    throw new ProtocolViolation(
      `a message of ${bodyBytes} bytes is too large to be recorded (at most ${heldCallBytesMax})`,
      sqlState.limitExceeded,
    );
  }
  return bodyBytes;
}

/** What a relay looks at of the server's messages. `edits` hears which of them the client gets in other words. */
export function serverHandler(
  tracker: Tracker,
  onParameter: (name: string, value: string) => void,
  edits: AnswerEdits,
): FrameHandler {
  return {
    plan(type, bodyBytes) {
      if (bodyBytes + 4 > largeMessageBytesMax) {
        throw new ProtocolViolation("the server sent a message of impossible length");
      }
      tracker.serverBytes(type, 1, bodyBytes + 5);
      switch (type) {
        case back.error:
          return Math.min(bodyBytes, errorBytesKept);
        case back.commandComplete:
          return Math.min(bodyBytes, tagBytesKept);
        case back.readyForQuery:
          return Math.min(bodyBytes, 1);
        case back.parameterDescription:
          return Math.min(bodyBytes, descriptionBytesKept);
        case back.parameterStatus:
          if (bodyBytes > statusBytesMax) {
            throw new ProtocolViolation("the server reported a setting of impossible length");
          }
          return bodyBytes;
        default:
          return 0;
      }
    },
    message(type, body, bodyBytes, end) {
      if (type === back.parameterStatus) {
        const { name, value } = readParameterStatus(body);
        onParameter(name, value);
        return;
      }
      tracker.server(type, body);
      const replacement = type === back.error ? tracker.takeReplacement() : undefined;
      if (replacement !== undefined) {
        edits.replace(end - bodyBytes - 5, end, replacement);
      }
    },
    streams: [back.dataRow, back.copyData],
    streamed: (type, messages, bytes) => tracker.serverBytes(type, messages, bytes),
  };
}
