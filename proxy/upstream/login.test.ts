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
    problem: "connect-refused",
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
});
