import { once } from "node:events";
import { connectSocket } from "#proxy/static-reads.ts";
import { ignoreErrors } from "#proxy/streams.ts";
import type { connectUpstream as verifiedConnect } from "#proxy/upstream/connect.ts";

export * from "#proxy/upstream/connect.ts";

/**
 * Stands in for that of `proxy/upstream/connect.ts` where the connection to the server is to be plain, as PgBouncer's is: the
 * product knows no such thing, so only the bench's process has it.
 */
export const connectUpstream: typeof verifiedConnect = async (target) => {
  const socket = connectSocket({ host: target.address ?? target.host, port: target.port });
  ignoreErrors(socket);
  await once(socket, "connect");
  const plain = Object.assign(socket, { getPeerX509Certificate: () => undefined }) as never;
  return { socket: plain, address: socket.remoteAddress ?? target.host, reset: () => void socket.resetAndDestroy() };
};
