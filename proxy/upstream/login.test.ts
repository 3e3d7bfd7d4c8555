import { createServer as createPlainServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { Secret } from "#lib/secret.ts";
import { createAuthority, type CertificateAuthority } from "#sandbox/certificates.ts";
import { type GoBetween, startGoBetween } from "#test/harness/go-between.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import { serverParts } from "#tools/parts/servers.ts";
import { encodeError, encodeMessage } from "../postgres/encode.ts";
import { back, version30, version32 } from "../postgres/protocol.ts";
import { role, roleSQL } from "../testing/stand.ts";
import { openUpstream } from "./login.ts";
import { queryUpstream } from "./query.ts";
import { closeUpstream } from "./side.ts";
import type { PasswordSource, UpstreamTarget } from "./target.ts";

const options = { clock: systemClock };
const servers: { stop(): Promise<void> }[] = [];
let authority: CertificateAuthority;

beforeAll(async () => {
  authority = await createAuthority("test authority", Date.now());
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

const passwords = (...values: string[]): PasswordSource & { readonly asked: boolean[] } => {
  const asked: boolean[] = [];
  return {
    asked,
    get(fresh) {
      asked.push(fresh);
      return Promise.resolve(new Secret(values[Math.min(asked.length, values.length) - 1] ?? ""));
    },
  };
};

const login = (password: PasswordSource) => ({
  username: role.username,
  databaseName: "orders",
  password,
  parameters: new Map<string, string>(),
});

const targetOf = (server: Pick<TestPostgres, "port" | "ca">, change: Partial<UpstreamTarget> = {}): UpstreamTarget => ({
  host: "127.0.0.1",
  port: server.port,
  tlsMode: "VerifyFull",
  authorities: [server.ca],
  ...change,
});

describe.each(["scram-sha-256", "md5", "password"] as const)("a real server that asks for %s", (auth) => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres({ auth, initSQL: roleSQL, settings: { listen_addresses: "127.0.0.1,127.0.0.2" } });
  });
  afterAll(() => postgres?.stop());

  it("lets the proxy in over verified TLS", async () => {
    const upstream = await openUpstream(targetOf(postgres), login(passwords(role.password)), options);

    const rows = await queryUpstream(
      upstream,
      "select current_user, (select ssl from pg_stat_ssl where pid = pg_backend_pid())",
    );

    expect(rows).toEqual([[role.username, "t"]]);
    expect(upstream.parameters.get("server_version")).toMatch(/^18/);
    expect(upstream.key?.key).toHaveLength(32);
    closeUpstream(upstream);
  });

  it("a password that was rotated is fetched afresh, once", async () => {
    const source = passwords("the old one", role.password);

    closeUpstream(await openUpstream(targetOf(postgres), login(source), options));

    expect(source.asked).toEqual([false, true]);
  });

  it("a password that stays wrong is an error without the password in it", async () => {
    const attempt = openUpstream(targetOf(postgres), login(passwords("wrong-secret")), options);

    await expect(attempt).rejects.toMatchObject({ health: "AuthenticationFailed" });
    await expect(attempt).rejects.not.toThrow(/wrong-secret/);
  });

  it("a certificate of another authority, or for another name, is refused before anything is sent", async () => {
    const untrusted = { authorities: [authority.certificate] };

    const stranger = openUpstream(targetOf(postgres, untrusted), login(passwords(role.password)), options);
    await expect(stranger).rejects.toMatchObject({ health: "TLSRefused" });
    const name = openUpstream(targetOf(postgres, { host: "127.0.0.2" }), login(passwords(role.password)), options);
    await expect(name).rejects.toMatchObject({ health: "TLSRefused", message: expect.stringContaining("ALTNAME") });
  });
});

it("VerifyCA asks for the authority, not for the name", async () => {
  const postgres = await startPostgres({ initSQL: roleSQL, settings: { listen_addresses: "127.0.0.1,127.0.0.2" } });
  servers.push(postgres);
  const target = targetOf(postgres, { host: "127.0.0.2", tlsMode: "VerifyCA" });

  closeUpstream(await openUpstream(target, login(passwords(role.password)), options));
});

it("a server without TLS is an error, never a plain connection", async () => {
  const postgres = await startPostgres({ tls: "off", initSQL: roleSQL });
  servers.push(postgres);

  const attempt = openUpstream(targetOf(postgres), login(passwords(role.password)), options);

  await expect(attempt).rejects.toMatchObject({
    health: "TLSRefused",
    message: expect.stringContaining("does not offer TLS"),
  });
});

it("nobody listening is Unreachable, with the address and the reason", async () => {
  const attempt = openUpstream(targetOf({ port: 1, ca: "" }), login(passwords("x")), options);

  await expect(attempt).rejects.toMatchObject({
    health: "Unreachable",
    message: expect.stringContaining("ECONNREFUSED"),
  });
});

describe("11 Upstream SCRAM", () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres({ initSQL: roleSQL });
  });
  afterAll(() => postgres?.stop());

  const between = async (options: Parameters<typeof startGoBetween>[1]): Promise<GoBetween> => {
    const server = await startGoBetween({ ...postgres, host: "127.0.0.1" }, options);
    servers.push(server);
    return server;
  };

  it("the login is bound to the TLS connection: whoever stands between gets nowhere, trusted certificate or not", async () => {
    const server = await between({});

    const attempt = openUpstream(targetOf(server), login(passwords(role.password)), options);

    await expect(attempt).rejects.toMatchObject({ health: "AuthenticationFailed" });
    expect(server.said.join("")).toContain("SCRAM-SHA-256-PLUS\0");
    expect(server.said.join("")).toContain("p=tls-server-end-point,,");
    expect(readFileSync(postgres.logFile, "utf8")).toContain("SCRAM channel binding check failed");
  });

  it("an offer of channel binding that was taken away is found out by the server", async () => {
    const plus = Buffer.from("SCRAM-SHA-256-PLUS\0");
    const server = await between({
      fromServer(type, message) {
        const at = message.indexOf(plus);
        return type === "R" && at >= 0
          ? encodeMessage(
              back.authentication,
              Buffer.concat([message.subarray(5, at), message.subarray(at + plus.length)]),
            )
          : message;
      },
    });

    const attempt = openUpstream(targetOf(server), login(passwords(role.password)), options);

    await expect(attempt).rejects.toMatchObject({ health: "AuthenticationFailed" });
    expect(server.said.join("")).toContain("SCRAM-SHA-256\0");
    expect(server.said.join("")).toContain("y,,");
  });
});

describe("5 Version negotiation and 6 BackendKeyData, with the server", () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres({ auth: "md5", initSQL: roleSQL });
  });
  afterAll(() => postgres?.stop());

  it.each([
    ["an error", encodeError({ severity: "FATAL", sqlState: "0A000", message: "unsupported frontend protocol 3.2" })],
    ["a pooler's error", encodeError({ severity: "FATAL", sqlState: "08P01", message: "unsupported protocol" })],
    ["a close", Buffer.alloc(0)],
  ])("one that answers protocol 3.2 with %s is asked again with 3.0", async (_what, answer) => {
    const server = await startGoBetween(postgres, {
      opening: (packet) => (packet.readInt32BE(4) === version32 ? answer : undefined),
    });
    servers.push(server);

    const upstream = await openUpstream(targetOf(server), login(passwords(role.password)), options);

    expect(server.opened).toEqual([version32, version30]);
    expect(upstream.key?.key).toHaveLength(4);
    closeUpstream(upstream);
  });

  it("Postgres 15, which has only 3.0, is spoken to with that", async ({ skip }) => {
    const { postgres15: part } = await serverParts();
    if ("missing" in part) {
      return skip(part.missing);
    }
    const old = await startPostgres({ binaries: part.folder, initSQL: roleSQL });
    servers.push(old);

    const upstream = await openUpstream(targetOf(old), login(passwords(role.password)), options);

    expect(upstream.parameters.get("server_version")).toMatch(/^15/);
    expect(upstream.key?.key).toHaveLength(4);
    closeUpstream(upstream);
  });

  it("one that has only 3.0 says so, and its key has 4 bytes", async () => {
    const port = await tlsServer([["raw", Buffer.concat([negotiated(version30), letIn(Buffer.alloc(4, 1))])]]);

    const upstream = await openUpstream(targetOf({ port, ca: authority.certificate }), login(passwords("x")), options);

    expect(upstream.key).toEqual({ pid: 7, key: Buffer.alloc(4, 1) });
    upstream.socket.destroy();
  });

  it("a key of length zero is none, and the server is asked for its process ID", async () => {
    const port = await tlsServer([
      ["raw", letIn(Buffer.alloc(0))],
      ["raw", Buffer.concat([dataRow("4711"), encodeMessage(back.readyForQuery, Buffer.from("I"))])],
    ]);

    const upstream = await openUpstream(targetOf({ port, ca: authority.certificate }), login(passwords("x")), options);

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

    const attempt = openUpstream(targetOf({ port, ca: authority.certificate }), login(passwords("x")), options);

    await expect(attempt).rejects.toMatchObject({ health: "TLSRefused" });
  });

  it("that asks for the password in the clear in the middle of SCRAM does not get it", async () => {
    const port = await tlsServer([
      [back.authentication, sasl("SCRAM-SHA-256")],
      [back.authentication, int32(3)],
    ]);

    const attempt = openUpstream(targetOf({ port, ca: authority.certificate }), login(passwords("pw")), options);

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

      const attempt = openUpstream(targetOf({ port, ca: authority.certificate }), login(passwords("pw")), options);

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
