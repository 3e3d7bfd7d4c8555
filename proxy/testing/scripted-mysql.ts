import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";
import { capability } from "../mysql/capabilities.ts";
import { encodeInt, encodeNulText } from "../mysql/fields.ts";
import { trackedCapabilities } from "../mysql/protocol.ts";
import { PacketChannel } from "../upstream/mysql-packets.ts";

/** A server that says what a test wants it to say, byte for byte. */
export interface ScriptedMySql {
  readonly host: "127.0.0.1";
  readonly port: number;
  readonly database: "orders";
  readonly engine: "MySQL";
  readonly ca: string;
  /** How the first `count` connections went, in the order of their ends, once so many are over: `finished`, or why not. */
  outcomes(count: number): Promise<readonly string[]>;
  /** How many connections there were. */
  readonly connections: () => number;
  stop(): Promise<void>;
}

/** What a script works with, once the client has asked for TLS and got it. */
export interface ScriptedConnection {
  readonly channel: PacketChannel;
  readonly socket: TLSSocket;
  /** Payload of the client's login. */
  readonly login: Buffer;
}

export interface ScriptedOptions {
  /** Bytes in place of a proper greeting; nothing else happens then. */
  readonly first?: Buffer;
  readonly greeting?: Parameters<typeof greetingOf>[0];
  /** What happens after the login was read. */
  readonly script?: (connection: ScriptedConnection) => Promise<void> | void;
}

/** Payload of a server's greeting. */
export function greetingOf(
  change: {
    readonly version?: string;
    readonly threadID?: number;
    readonly flags?: number;
    readonly extended?: number;
    readonly plugin?: string;
    readonly charset?: number;
    readonly status?: number;
  } = {},
): Buffer {
  const { version = "8.4.0", threadID = 42, extended = 0, plugin = "caching_sha2_password" } = change;
  const { charset = 255, status = 2, flags = (trackedCapabilities.mysql | capability.tls) >>> 0 } = change;
  return Buffer.concat([
    encodeInt(10, 1),
    encodeNulText(version),
    encodeInt(threadID, 4),
    Buffer.from("abcdefgh"),
    encodeInt(0, 1),
    encodeInt(flags & 0xffff, 2),
    encodeInt(charset, 1),
    encodeInt(status, 2),
    encodeInt(flags >>> 16, 2),
    encodeInt(21, 1),
    Buffer.alloc(6),
    encodeInt(extended, 4),
    Buffer.from("ijklmnopqrst"),
    encodeInt(0, 1),
    encodeNulText(plugin),
  ]);
}

/** The shortest OK packet: nothing affected, autocommit. */
export const okPayload = Buffer.from([0, 0, 0, 2, 0, 0, 0]);

/** Starts it, with a certificate for 127.0.0.1. */
export async function startScriptedMySql(
  identity: { readonly ca: string; readonly certificate: string; readonly privateKey: string },
  options: ScriptedOptions,
): Promise<ScriptedMySql> {
  const secureContext = createSecureContext({ cert: identity.certificate, key: identity.privateKey });
  const sockets = new Set<Socket>();
  const outcomes: string[] = [];
  let connections = 0;
  let wake = (): void => {};
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket)).on("error", () => {});
    void serve(socket, secureContext, options)
      .then(
        () => outcomes.push("finished"),
        (error: Error) => outcomes.push(error.message),
      )
      .then(() => wake());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    database: "orders",
    engine: "MySQL",
    ca: identity.ca,
    async outcomes(count) {
      while (outcomes.length < count) {
        await new Promise<void>((resolve) => (wake = resolve));
      }
      return outcomes.slice(0, count);
    },
    connections: () => connections,
    async stop() {
      for (const socket of sockets) {
        socket.destroy();
      }
      server.close();
      await once(server, "close");
    },
  };
}

async function serve(
  socket: Socket,
  secureContext: ReturnType<typeof createSecureContext>,
  options: ScriptedOptions,
): Promise<void> {
  if (options.first !== undefined) {
    socket.write(options.first);
    return;
  }
  const plain = new PacketChannel(socket);
  plain.write(greetingOf(options.greeting));
  await plain.read();
  const { sequence } = plain;
  socket.unshift(plain.detach());
  const secure = new TLSSocket(socket, { isServer: true, secureContext });
  secure.on("error", () => {});
  await once(secure, "secure");
  const channel = new PacketChannel(secure, undefined, sequence);
  const login = await channel.read();
  await options.script?.({ channel, socket: secure, login });
}
