import { once } from "node:events";
import { createServer as createPlainServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { Secret } from "#lib/secret.ts";
import { createAuthority, type CertificateAuthority } from "#sandbox/certificates.ts";
import { encodeError, encodeMessage } from "../postgres/encode.ts";
import { back, version30 } from "../postgres/protocol.ts";
import { openUpstream } from "./login.ts";
import type { Upstream } from "./login.ts";

const servers: { stop(): Promise<void> }[] = [];
let authority: CertificateAuthority;

beforeAll(async () => {
  authority = await createAuthority("test authority", Date.now());
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

/** Logs in to a scripted server. */
function open(port: number): Promise<Upstream> {
  return openUpstream(
    { host: "127.0.0.1", port, tlsMode: "VerifyFull", authorities: [authority.certificate] },
    {
      username: "read_only",
      databaseName: "orders",
      password: { get: () => Promise.resolve(new Secret("pw")) },
      parameters: new Map(),
    },
    { clock: systemClock },
  );
}

describe("5 Version negotiation and 6 BackendKeyData, with a server that says exactly this", () => {
  it("one that has only 3.0 says so, and its key has 4 bytes", async () => {
    const port = await tlsServer([["raw", Buffer.concat([negotiated(version30), letIn(Buffer.alloc(4, 1))])]]);

    const upstream = await open(port);

    expect(upstream.key).toEqual({ pid: 7, key: Buffer.alloc(4, 1) });
    upstream.socket.destroy();
  });

  it("a key of length zero is none, and the server is asked for its process ID", async () => {
    const port = await tlsServer([
      ["raw", letIn(Buffer.alloc(0))],
      ["raw", Buffer.concat([dataRow("4711"), encodeMessage(back.readyForQuery, Buffer.from("I"))])],
    ]);

    const upstream = await open(port);

    expect([upstream.key, upstream.pid]).toEqual([undefined, 4711]);
    upstream.socket.destroy();
  });
});

describe("a server that does not play by the rules", () => {
  it("4 Plaintext stuffed before TLS: bytes behind the answer to SSLRequest end the attempt (CVE-2021-23222)", async () => {
    const port = await plainServer((socket) =>
      socket.once("data", () =>
        socket.write(
          Buffer.concat([Buffer.from("S"), encodeError({ severity: "FATAL", sqlState: "XX000", message: "injected" })]),
        ),
      ),
    );

    const attempt = open(port);

    await expect(attempt).rejects.toMatchObject({ health: "TLSRefused" });
  });

  it("that asks for the password in the clear in the middle of SCRAM does not get it", async () => {
    const port = await tlsServer([
      [back.authentication, sasl("SCRAM-SHA-256")],
      [back.authentication, int32(3)],
    ]);

    const attempt = open(port);

    await expect(attempt).rejects.toThrow("asked for a second proof");
  });

  it.each([
    ["skips authentication", [[back.readyForQuery, Buffer.from("I")]]],
    [
      "says OK in the middle of SCRAM, without its own proof",
      [
        [back.authentication, sasl("SCRAM-SHA-256")],
        [back.authentication, int32(0)],
      ],
    ],
    [
      "continues a SCRAM that was not begun",
      [[back.authentication, Buffer.concat([int32(11), Buffer.from("r=x,s=eA==,i=4096")])]],
    ],
    [
      "asks for a billion rounds of hashing (CVE-2026-42198)",
      [
        [back.authentication, sasl("SCRAM-SHA-256")],
        ["scram", "i=1000000000"],
      ],
    ],
    [
      "does not continue our nonce",
      [
        [back.authentication, sasl("SCRAM-SHA-256")],
        [back.authentication, Buffer.concat([int32(11), Buffer.from("r=theirs,s=eHh4eA==,i=4096")])],
      ],
    ],
    ["sends a message of impossible length", [["raw", Buffer.from([0x52, 0x7f, 0xff, 0xff, 0xff])]]],
    [
      "negotiates a version that was not asked for",
      [["raw", Buffer.concat([negotiated(0x0003_0003), letIn(Buffer.alloc(4))])]],
    ],
    [
      "turns down an option that was not asked for",
      [["raw", Buffer.concat([negotiated(version30, "_pq_.x"), letIn(Buffer.alloc(4))])]],
    ],
    [
      "negotiates after it has let us in",
      [
        [
          "raw",
          Buffer.concat([encodeMessage(back.authentication, int32(0)), negotiated(version30), letIn(Buffer.alloc(4))]),
        ],
      ],
    ],
    ["sends a cancel key of 300 bytes", [["raw", letIn(Buffer.alloc(300))]]],
    [
      "sends a long cancel key under protocol 3.0",
      [["raw", Buffer.concat([negotiated(version30), letIn(Buffer.alloc(32))])]],
    ],
    ["sends an error that never ends", [[back.error, Buffer.from("SFATAL")]]],
    ["asks for Kerberos", [[back.authentication, int32(7)]]],
    ["offers only unknown mechanisms", [[back.authentication, sasl("OAUTHBEARER")]]],
    ["sends an error without SQLSTATE (PgBouncer CVE-2026-6666)", [[back.error, Buffer.from("SFATAL\0\0")]]],
  ] as [string, [number | string, Buffer | string][]][])(
    "that %s is an UpstreamError, not a crash",
    async (_what, script) => {
      const port = await tlsServer(script);

      const attempt = open(port);

      await expect(attempt).rejects.toMatchObject({ name: "UpstreamError" });
    },
  );
});

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function negotiated(version: number, ...options: readonly string[]): Buffer {
  const names = options.map((name) => Buffer.from(`${name}\0`));
  return encodeMessage(back.negotiateVersion, Buffer.concat([int32(version), int32(names.length), ...names]));
}

function letIn(key: Buffer): Buffer {
  return Buffer.concat([
    encodeMessage(back.authentication, int32(0)),
    encodeMessage(back.backendKeyData, Buffer.concat([int32(7), key])),
    encodeMessage(back.readyForQuery, Buffer.from("I")),
  ]);
}

/** A DataRow of one text column. */
function dataRow(text: string): Buffer {
  return encodeMessage(back.dataRow, Buffer.concat([Buffer.from([0, 1]), int32(text.length), Buffer.from(text)]));
}

function sasl(mechanism: string): Buffer {
  return Buffer.concat([int32(10), Buffer.from(`${mechanism}\0\0`)]);
}

async function plainServer(serve: (socket: Socket) => void): Promise<number> {
  const server: Server = createPlainServer((socket) => {
    socket.on("error", () => {});
    serve(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  servers.push({
    async stop() {
      server.close();
      await once(server, "close");
    },
  });
  return (server.address() as AddressInfo).port;
}

/** A server with a good certificate that answers each message of the client with the next line of a script. */
async function tlsServer(script: readonly [number | string, Buffer | string][]): Promise<number> {
  const pair = await authority.issue(["127.0.0.1"]);
  const secureContext = createSecureContext({ cert: pair.certificate, key: pair.privateKey });
  return plainServer((socket) => {
    socket.once("data", () => {
      socket.write("S");
      const secure = new TLSSocket(socket, { isServer: true, secureContext });
      secure.on("error", () => {});
      const lines = [...script];
      secure.on("data", (chunk: Buffer) => {
        const [kind, content] = lines.shift() ?? [];
        if (typeof kind === "number" && Buffer.isBuffer(content)) {
          secure.write(encodeMessage(kind, content));
        } else if (kind === "raw") {
          secure.write(content ?? "");
        } else if (kind === "scram") {
          const nonce = /r=([^,\0]+)/.exec(chunk.toString("latin1"))?.[1] ?? "";
          secure.write(
            encodeMessage(
              back.authentication,
              Buffer.concat([int32(11), Buffer.from(`r=${nonce}x,s=eHh4eA==,${String(content)}`)]),
            ),
          );
        }
        if (lines.length === 0) {
          secure.end();
        }
      });
    });
  });
}
