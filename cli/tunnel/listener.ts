import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { pipeline } from "node:stream";
import { coerceError, UserError } from "#lib/errors.ts";
import type { DataStream } from "./grant-tunnel.ts";
import { refusePostgres } from "./postgres-refusal.ts";

/** A person's clients open tens of connections at most; this bounds a runaway pool. */
const connectionsMax = 200;

export interface ListenerOptions {
  readonly port: number;
  /** Opens the far side of one local connection. Rejects while the tunnel is down. */
  readonly openData: () => Promise<DataStream>;
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
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    void serve(socket, count, options);
  });
  server.maxConnections = connectionsMax;
  server.listen(options.port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (error) {
    throw portError(error, options.port);
  }
  return {
    port: (server.address() as { port: number }).port,
    get connections() {
      return sockets.size;
    },
    async drained(withinMs) {
      const deadline = AbortSignal.timeout(withinMs);
      const open = [...sockets].map((socket) => once(socket, "close", { signal: deadline }).catch(() => {}));
      await Promise.all(open);
    },
    close: () => closeAll(server, sockets),
  };
}

async function serve(socket: Socket, number: number, options: ListenerOptions): Promise<void> {
  socket.on("error", () => socket.destroy());
  try {
    const { stream, refused } = await options.openData();
    if (refused === undefined) {
      options.onOpen(number);
    } else {
      options.onRefused(number, refused.message);
    }
    pipeline(socket, stream, () => socket.destroySoon());
    pipeline(stream, socket, () => {
      if (refused === undefined) {
        options.onClose(number);
      }
    });
  } catch (error) {
    const { message } = coerceError(error);
    options.onRefused(number, message);
    socket.resume();
    await refusePostgres(socket, `sallyport: ${message}`);
  }
}

async function closeAll(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  for (const socket of sockets) {
    // What the proxy said last (why it ended) still goes out.
    socket.destroySoon();
  }
  if (server.listening) {
    server.close();
    await once(server, "close");
  }
}

function portError(error: unknown, port: number): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case "EADDRINUSE":
      return new UserError("PortInUse", `port ${port} on 127.0.0.1 is in use`, {
        why: "another sallyport, or a database server of your own, listens there",
        next: `Stop it, or choose another port: --port ${port + 1}`,
        cause: error,
      });
    case "EACCES":
      return new UserError("PortForbidden", `you may not listen on port ${port}`, {
        next: `Choose a port above 1023: --port ${port + 10_000}`,
        cause: error,
      });
    default:
      return error;
  }
}
