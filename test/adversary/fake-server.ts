import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";
import { encodeMessage } from "#proxy/postgres/encode.ts";
import { back } from "#proxy/postgres/protocol.ts";
import type { TestServer } from "#proxy/testing/stand.ts";
import { createAuthority } from "#sandbox/certificates.ts";

/** A database server of the test's own, which may be as hostile as it likes behind its valid certificate. */
export interface FakeServer extends TestServer {
  /** Connections that are open now. */
  readonly open: ReadonlySet<TLSSocket>;
  stop(): Promise<void>;
}

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

/** What a server says to a client that it lets in at once. */
export const letIn = (pid: number): Buffer =>
  Buffer.concat([
    encodeMessage(back.authentication, int32(0)),
    encodeMessage(back.backendKeyData, Buffer.concat([int32(pid), Buffer.from("key!")])),
    encodeMessage(back.readyForQuery, Buffer.from("I")),
  ]);

/** Starts it. `serve` gets each connection after TLS, with its number from 1 and its startup packet. */
export async function startFakeServer(
  serve: (socket: TLSSocket, number: number, startup: Buffer) => void,
): Promise<FakeServer> {
  const authority = await createAuthority("hostile", Date.now());
  const pair = await authority.issue(["127.0.0.1"]);
  const secureContext = createSecureContext({ cert: pair.certificate, key: pair.privateKey });
  const open = new Set<TLSSocket>();
  const raw = new Set<Socket>();
  let count = 0;
  // It closes when it likes, not when its client does.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    raw.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => raw.delete(socket));
    socket.once("data", () => {
      socket.write("S");
      const secure = new TLSSocket(socket, { isServer: true, secureContext });
      open.add(secure);
      secure.allowHalfOpen = true;
      secure.on("error", () => {});
      secure.once("close", () => open.delete(secure));
      secure.once("data", (startup: Buffer) => {
        count += 1;
        serve(secure, count, startup);
      });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    database: "orders",
    ca: authority.certificate,
    open,
    async stop() {
      for (const socket of raw) {
        socket.destroy();
      }
      server.close();
      await once(server, "close");
    },
  };
}
