import { once } from "node:events";
import type { Socket } from "node:net";

/** Startup, SSL and GSS requests are below this; PostgreSQL itself caps a startup packet at 10,000 bytes. */
const startupBytesMax = 10_000;
const sslRequest = 80_877_103;
const gssRequest = 80_877_104;
const cancelRequest = 80_877_102;
/** Clients that say nothing are not worth holding a socket for. */
const startupTimeoutMs = 5_000;

/**
 * Tells a PostgreSQL client that there is no way to the database, so that `psql` shows the reason instead of a bare close.
 * Used only while the tunnel is down; otherwise the proxy itself answers. Source: PostgreSQL protocol, message formats.
 */
export async function refusePostgres(socket: Socket, message: string): Promise<void> {
  socket.setTimeout(startupTimeoutMs, () => socket.destroy());
  let pending = Buffer.alloc(0);
  socket.on("error", () => socket.destroy());
  socket.on("end", () => socket.end());
  socket.on("data", (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 8) {
      const length = pending.readInt32BE(0);
      const code = pending.readInt32BE(4);
      if (length < 8 || length > startupBytesMax || code === cancelRequest) {
        socket.destroy();
        return;
      }
      if (pending.length < length) {
        return;
      }
      pending = pending.subarray(length);
      if (code !== sslRequest && code !== gssRequest) {
        socket.removeAllListeners("data");
        socket.end(fatalPostgres(message));
        socket.resume();
        return;
      }
      socket.write("N");
    }
  });
  if (!socket.destroyed) {
    socket.resume();
    // A client that breaks off is gone as well.
    await once(socket, "close").catch(() => {});
  }
}

/** SQLSTATE of a connection failure (PostgreSQL documentation, "Error Codes"). */
const connectionFailure = "08006";

/** ErrorResponse, severity FATAL. */
export function fatalPostgres(message: string, code: string = connectionFailure): Buffer {
  // A NUL ends a field.
  const text = message.replaceAll("\0", " ");
  const fields = ["SFATAL", "VFATAL", `C${code}`, `M${text}`].map((field) => `${field}\0`).join("");
  const body = Buffer.from(`${fields}\0`, "utf8");
  const header = Buffer.alloc(5);
  header.write("E");
  header.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}
