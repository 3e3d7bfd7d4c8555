import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";

/**
 * What a task may send before it is proven: the upgrade's rest, frame headers, pings and one `prove` of below 16 KiB. The
 * WebSocket library has one message limit for the whole life of a connection, and proven tasks send megabytes, so the bytes
 * themselves are counted until then.
 */
export const unprovenBytesMax = 64 * 1024;

const lifts = new WeakMap<WebSocket, () => void>();

/** Cuts the connection once more than `unprovenBytesMax` arrive on it, until `liftUnproven`. */
export function guardUnproven(socket: WebSocket, transport: Duplex): void {
  let bytes = 0;
  const count = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > unprovenBytesMax) {
      transport.off("data", count);
      socket.terminate();
    }
  };
  transport.on("data", count);
  lifts.set(socket, () => transport.off("data", count));
}

/** The task is proven: from now on the library's own limit counts. */
export function liftUnproven(socket: WebSocket): void {
  lifts.get(socket)?.();
  lifts.delete(socket);
}
