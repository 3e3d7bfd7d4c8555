import { once } from "node:events";
import type { Socket } from "node:net";

/** ER_UNKNOWN_ERROR (MySQL error reference): clients show its text as it stands. */
const unknownError = 1105;
/** A client that does not take its answer is not worth holding a socket for. */
const closeTimeoutMs = 5_000;
/** MySQL protocol: a payload's length has 3 bytes; messages of ours are far below. */
const messageBytesMax = 1_000;

/**
 * Tells a MySQL client that there is no way to the database. The server speaks first there, so an error packet takes the place
 * of its greeting, without SQLSTATE since no capability is agreed yet. Source: MySQL client/server protocol, ERR_Packet.
 */
export async function refuseMysql(socket: Socket, message: string): Promise<void> {
  socket.setTimeout(closeTimeoutMs, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.end(errorMysql(message, 0));
  socket.resume();
  if (!socket.destroyed) {
    // A client that breaks off is gone as well.
    await once(socket, "close").catch(() => {});
  }
}

/** An error's number and SQLSTATE. */
export interface MysqlError {
  readonly code: number;
  readonly state: string;
}
/** What a client is told whose session is cut: SQLSTATE 08S01 is a communication link failure. */
export const lostError: MysqlError = { code: unknownError, state: "08S01" };

/** ERR_Packet with this sequence number. Without `error` it carries no SQLSTATE, since before the login no capability is agreed. */
export function errorMysql(message: string, sequence: number, error?: MysqlError): Buffer {
  const state = error === undefined ? "" : `#${error.state}`;
  const text = Buffer.from(`${state}${message}`, "utf8").subarray(0, messageBytesMax);
  const packet = Buffer.alloc(4 + 3 + text.length);
  packet.writeUIntLE(packet.length - 4, 0, 3);
  packet.writeUInt8(sequence, 3);
  packet.writeUInt8(0xff, 4);
  packet.writeUInt16LE(error?.code ?? unknownError, 5);
  text.copy(packet, 7);
  return packet;
}
