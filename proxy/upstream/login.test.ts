import { createServer as createPlainServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { Secret } from "#lib/secret.ts";
import { createAuthority, type CertificateAuthority } from "#sandbox/certificates.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import { encodeError, encodeMessage } from "../postgres/encode.ts";
import { back } from "../postgres/protocol.ts";
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

describe("a server that does not play by the rules", () => {
  it("plain bytes behind the answer to SSLRequest end the attempt (CVE-2021-23222)", async () => {
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
