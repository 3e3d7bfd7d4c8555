import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { Clock } from "#lib/clock.ts";
import { coerceError, UserError } from "#lib/errors.ts";
import type { DataStream } from "./grant-tunnel.ts";
import type { PeerCheck } from "./peer-user.ts";
import { portHolder } from "./port-holder.ts";
import { hasBeenTold, type LocalLogin } from "./local-login.ts";
import { LocalSession } from "./local-session.ts";
import type { SessionTrack } from "./session-track.ts";

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
  /** Says whose connections are refused; absent: nobody's. */
  readonly checkPeer?: PeerCheck;
  /** Demands a password of this computer's own first. */
  readonly login?: LocalLogin;
  /** Follows a session in its protocol, so that its client can be told when it is cut; absent: it just ends. */
  readonly track?: () => SessionTrack;
  /** What a client is told whose session is cut. */
  readonly cutMessage: () => string;
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
  /** Ends every session, with this reason where it is given, and frees the port. */
  close(reason?: string): Promise<void>;
}

/** Listens on 127.0.0.1 only. A port in use is a `UserError` that says what to do; no other port is taken silently. */
export async function listenLocally(options: ListenerOptions): Promise<Listener> {
  const sockets = new Set<Socket>();
  const sessions = new Set<LocalSession>();
  let count = 0;
  const server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
    count += 1;
    const number = count;
    // Stays for the socket's whole life, whoever owns it at the moment.
    socket.on("error", () => socket.destroy());
    socket.once("close", () => sockets.delete(socket));
    sockets.add(socket);
    void serve(socket, number, options, sessions);
  });
  server.maxConnections = connectionsMax;
  server.listen(options.port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (error) {
    throw await portError(error, options.port);
  }
  // What fails for one connection (too many open files) is that client's to see.
  server.on("error", () => {});
  return {
    port: (server.address() as { port: number }).port,
    get connections() {
      return sockets.size;
    },
    drained: (withinMs) => untilClosed(sockets, options.clock, withinMs),
    close(reason) {
      for (const session of sessions) {
        session.end(reason);
      }
      return closeAll(server, sockets, options.clock);
    },
  };
}

async function serve(
  socket: Socket,
  number: number,
  options: ListenerOptions,
  sessions: Set<LocalSession>,
): Promise<void> {
  let opened: Opened;
  try {
    opened = await open(socket, options);
  } catch (error) {
    const failure = coerceError(error);
    const why = failure instanceof UserError && failure.why !== "" ? `: ${failure.why}` : "";
    options.onRefused(number, failure.message + why);
    if (!hasBeenTold(failure)) {
      await options.refuse(socket, `sallyport: ${failure.message}${why}`);
    }
    return;
  }
  const { stream, refused, track } = opened;
  const { cutMessage } = options;
  // A refused stream ends with the proxy's own words.
  const follow = refused === undefined && track !== undefined ? { track } : {};
  const session = new LocalSession({ socket, stream, cutMessage, ...follow });
  sessions.add(session);
  if (refused === undefined) {
    options.onOpen(number);
  } else {
    options.onRefused(number, refused.message);
  }
  await session.run();
  sessions.delete(session);
  if (refused === undefined) {
    options.onClose(number);
  }
}

interface Opened extends DataStream {
  readonly track: SessionTrack | undefined;
}

/** The far side of a connection whose client may use it, with what the sign-in has read given on. */
async function open(socket: Socket, options: ListenerOptions): Promise<Opened> {
  const { clock, login, checkPeer } = options;
  const refusal = await checkPeer?.(socket);
  if (refusal !== undefined) {
    throw new UserError("NotYours", refusal);
  }
  const first = login?.speaks === "client" ? await login.demand(socket, clock) : undefined;
  const data = await options.openData();
  const track = options.track?.();
  if (first !== undefined) {
    track?.fromClient(first);
    data.stream.write(first);
  }
  if (login?.speaks === "server" && data.refused === undefined && track !== undefined) {
    await login.demand(socket, data.stream, track, clock);
  }
  return { ...data, track };
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

async function portError(error: unknown, port: number): Promise<unknown> {
  switch ((error as NodeJS.ErrnoException).code) {
    case "EADDRINUSE": {
      const holder = await portHolder(port);
      const user = holder ?? "another sallyport, or a database server of your own";
      return new UserError("PortInUse", `failed to start listening for connections on port: ${port}`, {
        why: `port ${port} on 127.0.0.1 is in use: ${user} listens there`,
        next: `Stop it, choose another port for this database: --port ${port < 65_535 ? port + 1 : 15_432}, or any that is free, this once: --port free`,
        cause: error,
      });
    }
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
