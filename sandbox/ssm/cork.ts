import type { Duplex } from "node:stream";

const corked = new WeakSet<Duplex>();

/**
 * Holds what is written to `socket` until the end of this turn of the event loop, so that it leaves in one write. A message and
 * an acknowledgement for each kibibyte would otherwise cost a system call each.
 */
export function corkTurn(socket: Duplex): void {
  if (corked.has(socket)) {
    return;
  }
  corked.add(socket);
  socket.cork();
  process.nextTick(() => {
    corked.delete(socket);
    socket.uncork();
  });
}
