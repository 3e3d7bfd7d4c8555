import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { connect as connectTLS, createSecureContext, TLSSocket } from "node:tls";
import { createAuthority } from "#sandbox/certificates.ts";
import { encodeError, encodeMessage } from "#proxy/postgres/encode.ts";
import { back, requestCode } from "#proxy/postgres/protocol.ts";
import type { TestServer } from "#proxy/testing/stand.ts";

/** What stands between: it sees every message that the server sends, and every packet that opens a connection. */
export interface GoBetweenOptions {
  /** One message of the server: its type as a character, and the whole of it. Returns what the client gets in its place. */
  readonly fromServer?: (type: string, message: Buffer) => Buffer;
  /** The startup packet or cancel request of a connection, with its length. Returns an answer to give instead of passing it on. */
  readonly opening?: (packet: Buffer) => Buffer | undefined;
  /** Asks for a password in the clear before anything is passed on, as RDS asks for an IAM token. Returns whether it is good. */
  readonly takesToken?: (token: string) => boolean;
}

/** A server that a test starts in front of a real one. */
export interface GoBetween extends TestServer {
  /** First words of the packets that opened connections after TLS: a protocol version, or the code of a cancel request. */
  readonly opened: number[];
  /** What clients said after that, as Latin-1. */
  readonly said: string[];
  stop(): Promise<void>;
}

/** Starts a TLS server that passes all on to `server`, over TLS as well, but for what the options change: as RDS Proxy and poolers do. */
export async function startGoBetween(server: TestServer, options: GoBetweenOptions): Promise<GoBetween> {
  const authority = await createAuthority("go-between", Date.now());
  const pair = await authority.issue(["127.0.0.1"]);
  const secureContext = createSecureContext({ cert: pair.certificate, key: pair.privateKey });
  const sockets = new Set<Socket>();
  const opened: number[] = [];
  const said: string[] = [];
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  };
  const listener = createServer((socket) => {
    keep(socket);
    socket.once("data", () => {
      socket.write("S");
      const client = new TLSSocket(socket, { isServer: true, secureContext });
      client.on("error", () => {});
      client.once("data", (packet: Buffer) => {
        opened.push(packet.readInt32BE(4));
        const answer = options.opening?.(packet);
        const isCancel = packet.readInt32BE(4) === requestCode.cancel;
        if (answer !== undefined) {
          client.end(answer);
        } else if (options.takesToken === undefined || isCancel) {
          client.on("data", (chunk: Buffer) => said.push(chunk.toString("latin1")));
          client.pause();
          void pass(client, packet, server, options, keep);
        } else {
          client.write(encodeMessage(back.authentication, Buffer.from([0, 0, 0, 3])));
          client.once("data", (message: Buffer) => {
            if (options.takesToken?.(message.toString("utf8", 5, message.length - 1))) {
              client.pause();
              void pass(client, packet, server, options, keep);
            } else {
              client.end(encodeError({ severity: "FATAL", sqlState: "28000", message: "PAM authentication failed" }));
            }
          });
        }
      });
    });
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    host: "127.0.0.1",
    port: (listener.address() as AddressInfo).port,
    database: server.database,
    ca: authority.certificate,
    opened,
    said,
    async stop() {
      for (const socket of sockets) {
        socket.destroy();
      }
      listener.close();
      await once(listener, "close");
    },
  };
}

async function pass(
  client: TLSSocket,
  packet: Buffer,
  server: TestServer,
  options: GoBetweenOptions,
  keep: (socket: Socket) => void,
): Promise<void> {
  const plain = connect(server.port, server.host);
  keep(plain);
  await once(plain, "connect");
  const request = Buffer.alloc(8);
  request.writeInt32BE(8, 0);
  request.writeInt32BE(requestCode.ssl, 4);
  plain.write(request);
  await once(plain, "data");
  const upstream = connectTLS({ socket: plain, ca: server.ca, host: server.host });
  upstream.on("error", () => {});
  await once(upstream, "secureConnect");
  client.once("close", () => upstream.destroy());
  upstream.once("close", () => client.end());
  upstream.write(packet);
  client.pipe(upstream);
  let pending: Buffer = Buffer.alloc(0);
  upstream.on("data", (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 5 && pending.length > pending.readInt32BE(1)) {
      const length = 1 + pending.readInt32BE(1);
      const message = pending.subarray(0, length);
      pending = pending.subarray(length);
      const type = String.fromCharCode(message[0] ?? 0);
      client.write(options.fromServer?.(type, message) ?? message);
    }
  });
}
