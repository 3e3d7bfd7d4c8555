import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { pipeline } from "node:stream";
import type { Clock } from "#lib/clock.ts";
import { coerceError, UserError } from "#lib/errors.ts";
import type { DataStream } from "./grant-tunnel.ts";

/** A person's clients open tens of connections at most; this bounds a runaway pool. */
export const connectionsMax = 200;
/** How long a client that does not read may hold up the end. */
const closeTimeoutMs = 2_000;

export interface ListenerOptions {
  /** 0 takes any free port. */
  readonly port: number;
  readonly clock: Clock;
  /** Opens the far side of one local connection. Rejects while the tunnel is down. */
  readonly openData: () => Promise<DataStream>;
  /** Tells a database client, in its own protocol, why there is no way; closes the socket. Never rejects. */
  readonly refuse: (socket: Socket, message: string) => Promise<void>;
  /** `number` counts local connections from 1, as people see them in the audit trail's order. */
  readonly onOpen: (number: number) => void;
  readonly onClose: (number: number) => void;
  readonly onRefused: (number: number, reason: string) => void;
}

/** The local port that database clients connect to. */
export interface Listener {
  readonly port: number;
  readonly connections: number;
  /** Resolves once no connection is open, or after `withinMs`. */
  drained(withinMs: number): Promise<void>;
  close(): Promise<void>;
}

/** Listens on 127.0.0.1 only. A port in use is a `UserError` that says what to do; no other port is taken silently. */
export async function listenLocally(options: ListenerOptions): Promise<Listener> {
  const sockets = new Set<Socket>();
  let count = 0;
  // Half-open: SSM does not carry a half-close, so either side's end ends both, after what was written has gone through.
  const server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
    count += 1;
    const number = count;
    // Stays for the socket's whole life, whoever owns it at the moment.
    socket.on("error", () => socket.destroy());
    socket.once("close", () => sockets.delete(socket));
    sockets.add(socket);
    void serve(socket, number, options);
  });
  server.maxConnections = connectionsMax;
  server.listen(options.port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (error) {
    throw portError(error, options.port);
  }
  // What fails for one connection (too many open files) is that client's to see.
  server.on("error", () => {});
  return {
    port: (server.address() as { port: number }).port,
    get connections() {
      return sockets.size;
    },
    drained: (withinMs) => untilClosed(sockets, options.clock, withinMs),
    close: () => closeAll(server, sockets, options.clock),
  };
}

async function serve(socket: Socket, number: number, options: ListenerOptions): Promise<void> {
  let data: DataStream;
  try {
    data = await options.openData();
  } catch (error) {
    const failure = coerceError(error);
    const why = failure instanceof UserError && failure.why !== "" ? `: ${failure.why}` : "";
    options.onRefused(number, failure.message + why);
    await options.refuse(socket, `sallyport: ${failure.message}${why}`);
    return;
  }
  const { stream, refused } = data;
  stream.on("error", () => stream.destroy());
  if (refused === undefined) {
    options.onOpen(number);
  } else {
    options.onRefused(number, refused.message);
  }
  pipeline(socket, stream, () => socket.destroySoon());
  pipeline(stream, socket, () => {
    // Both are over, whether or not the client closes its half too.
    stream.destroy();
    if (refused === undefined) {
      options.onClose(number);
    }
  });
}

async function untilClosed(sockets: ReadonlySet<Socket>, clock: Clock, withinMs: number): Promise<void> {
  const over = new AbortController();
  const cancel = clock.after(withinMs, () => over.abort());
  const open = [...sockets].filter((socket) => !socket.closed);
  await Promise.all(open.map((socket) => once(socket, "close", { signal: over.signal }).catch(() => {})));
  cancel();
}

async function closeAll(server: Server, sockets: ReadonlySet<Socket>, clock: Clock): Promise<void> {
  const closed = server.listening ? once(server, "close") : undefined;
  server.close();
  for (const socket of sockets) {
    // What the proxy said last (why it ended) still goes out.
    socket.destroySoon();
  }
  await untilClosed(sockets, clock, closeTimeoutMs);
  for (const socket of sockets) {
    socket.destroy();
  }
  await closed;
}

function portError(error: unknown, port: number): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case "EADDRINUSE":
      return new UserError("PortInUse", `failed to start listening for connections on port: ${port}`, {
        why: `port ${port} on 127.0.0.1 is in use: another sallyport, or a database server of your own, listens there`,
        next: `Stop it, or choose another port: --port ${port < 65_535 ? port + 1 : 15_432}`,
        cause: error,
      });
    case "EACCES":
      return new UserError("PortForbidden", `failed to start listening for connections on port: ${port}`, {
        why: `this user may not listen on port ${port}`,
        next: `Choose a port above 1023: --port ${port + 10_000}`,
        cause: error,
      });
    default:
      return error;
  }
}
