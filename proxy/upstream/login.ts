import { randomBytes } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { serialize } from "pg-protocol";
import type { Secret } from "#lib/secret.ts";
import {
  readBackendKey,
  readNegotiatedVersion,
  readParameterStatus,
  readServerError,
  type BackendKey,
} from "../postgres/backend.ts";
import { encodeStartup } from "../postgres/encode.ts";
import { md5Response } from "../postgres/md5.ts";
import { back, cancelKeyBytes, ProtocolViolation, sqlState, version30, version32 } from "../postgres/protocol.ts";
import { BodyReader } from "../postgres/reader.ts";
import { type ChannelBinding, ScramClient } from "../postgres/scram.ts";
import { StreamEnded } from "../streams.ts";
import { connectUpstream, endPointHash, type ConnectOptions } from "./connect.ts";
import { MessageReader } from "./messages.ts";
import { askBackendPid } from "./query.ts";
import { UpstreamError, type UpstreamLogin, type UpstreamTarget } from "./target.ts";
import { withPassword } from "./with-password.ts";

/** A connection that is logged in and idle. */
export interface Upstream {
  readonly socket: TLSSocket;
  /** Breaks the connection off; see `UpstreamConnection`. */
  readonly reset: () => void;
  /** IP address of the server: other connections about this one go there. */
  readonly address: string;
  /** Parameters as the server reported them, in its order. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Absent behind proxies that give none (RDS Proxy): then there is no cancelling. */
  readonly key: BackendKey | undefined;
  /** The server's process ID of this connection, as the key tells it or, without one, as the server was asked; undefined when neither. */
  readonly pid: number | undefined;
  /** Bytes that followed the first ReadyForQuery. */
  readonly rest: Buffer;
}

/** From startup packet to ReadyForQuery; the server's own authentication_timeout is 60 s. */
export const loginTimeoutMs = 20_000;
/** Authentication requests of AuthenticationOk, cleartext, md5 and SASL. */
const request = { ok: 0, cleartext: 3, md5: 5, sasl: 10, saslContinue: 11, saslFinal: 12 } as const;

/** What may prove a password, and what a token. Cleartext is over verified TLS: `connectUpstream` gives no other connection. */
const methods: Readonly<Record<"password" | "token", ReadonlySet<number>>> = {
  password: new Set([request.cleartext, request.md5, request.sasl]),
  token: new Set([request.cleartext]),
};
/** What a server that does not negotiate says to protocol 3.2: feature_not_supported; poolers say protocol_violation. */
const unknownVersion: ReadonlySet<string> = new Set([sqlState.featureNotSupported, sqlState.protocolViolation]);

/**
 * Connects and logs in, with protocol 3.2 for its longer cancel keys, or 3.0 where the server has no other. A password that is
 * refused is fetched afresh and tried once more, since it may have been rotated. Throws `UpstreamError`.
 */
export async function openUpstream(
  target: UpstreamTarget,
  login: UpstreamLogin,
  options: ConnectOptions,
): Promise<Upstream> {
  return withPassword(login.password, options.signal, async (password) => {
    try {
      return await attempt(target, login, { password, version: version32 }, options);
    } catch (error) {
      if (!(error instanceof VersionRefused)) {
        throw error;
      }
      return attempt(target, login, { password, version: version30 }, options);
    }
  });
}

/** The server turned protocol 3.2 away before it asked for anything, instead of negotiating. */
class VersionRefused extends UpstreamError {}

async function attempt(
  target: UpstreamTarget,
  login: UpstreamLogin,
  proof: { readonly password: Secret; readonly version: number },
  options: ConnectOptions,
): Promise<Upstream> {
  const { socket, reset, address } = await connectUpstream(target, options);
  const giveUp = (): void => void socket.destroy();
  const cancelTimer = options.clock.after(loginTimeoutMs, giveUp);
  options.signal?.addEventListener("abort", giveUp, { once: true });
  const conversation = new Login(socket, login, proof);
  try {
    const startup = new Map([["user", login.username], ["database", login.databaseName], ...login.parameters]);
    socket.write(encodeStartup(startup, proof.version));
    const opened = await conversation.run();
    const isAskable = opened.key === undefined && opened.rest.length === 0;
    const pid = isAskable ? await askBackendPid(socket) : opened.key?.pid;
    return { ...opened, pid, reset, address };
  } catch (error) {
    socket.destroy();
    const explained = explain(error, target);
    if (proof.version === version32 && conversation.refusedVersion(error)) {
      throw new VersionRefused(explained.health, explained.message, explained.sqlState);
    }
    throw explained;
  } finally {
    cancelTimer();
    options.signal?.removeEventListener("abort", giveUp);
  }
}

function explain(error: unknown, target: UpstreamTarget): UpstreamError {
  const where = `the database at ${target.host}:${target.port}`;
  if (error instanceof UpstreamError) {
    return error;
  }
  if (error instanceof StreamEnded) {
    return new UpstreamError("Unreachable", `${where} closed the connection during login`);
  }
  if (error instanceof ProtocolViolation) {
    return new UpstreamError("Unreachable", `${where}: ${error.message}`);
  }
  throw error;
}

/**
 * One login's conversation. What we say is made by pg-protocol, except the startup packet, which it fixes at 3.0 and UTF8. What
 * the server says is read by us: pg-protocol's parser has no bound on a message, loops for ever over an error that is not terminated,
 * and knows neither NegotiateProtocolVersion nor keys of more than 4 bytes.
 */
class Login {
  readonly #socket: TLSSocket;
  readonly #login: UpstreamLogin;
  readonly #password: Secret;
  readonly #reader: MessageReader;
  readonly #parameters = new Map<string, string>();
  #version: number;
  /** The authentication method that the server asked for. */
  #method: number | undefined;
  #scram: ScramClient | undefined;
  #scramDone = false;
  #authenticated = false;
  #key: BackendKey | undefined;

  constructor(socket: TLSSocket, login: UpstreamLogin, proof: { readonly password: Secret; readonly version: number }) {
    this.#socket = socket;
    this.#login = login;
    this.#password = proof.password;
    this.#version = proof.version;
    this.#reader = new MessageReader(socket);
  }

  /** Whether the login ended with this before the server asked for anything, as one that knows no 3.2 and does not negotiate would end it. */
  refusedVersion(error: unknown): boolean {
    const isAboutVersion =
      error instanceof StreamEnded || (error instanceof UpstreamError && unknownVersion.has(error.sqlState));
    return this.#method === undefined && !this.#authenticated && isAboutVersion;
  }

  async run(): Promise<Omit<Upstream, "reset" | "pid" | "address">> {
    for (;;) {
      const { type, body } = await this.#reader.next();
      if (type === back.authentication) {
        await this.#authenticate(body);
      } else if (type === back.error) {
        throw refused(body, this.#login, this.#authenticated);
      } else if (type === back.negotiateVersion) {
        this.#negotiate(body);
      } else if (type === back.notice) {
        continue;
      } else if (!this.#authenticated) {
        throw new ProtocolViolation("it skipped authentication");
      } else if (type === back.parameterStatus) {
        const { name, value } = readParameterStatus(body);
        this.#parameters.set(name, value);
      } else if (type === back.backendKeyData) {
        this.#key = readKey(body, this.#version);
      } else if (type === back.readyForQuery) {
        return {
          socket: this.#socket,
          parameters: this.#parameters,
          key: this.#key,
          rest: this.#reader.detach(),
        };
      } else {
        throw new ProtocolViolation("it sent an unexpected message during login");
      }
    }
  }

  /** The server knows no newer version than it says. We asked for no options, so it has none to turn down. */
  #negotiate(body: Buffer): void {
    const { version, unsupported } = readNegotiatedVersion(body);
    const isOffer = version >= version30 && version < this.#version;
    if (this.#method !== undefined || this.#authenticated || !isOffer || unsupported.length > 0) {
      throw new ProtocolViolation("it negotiated a protocol version that was not asked for");
    }
    this.#version = version;
  }

  async #authenticate(body: Buffer): Promise<void> {
    const reader = new BodyReader(body);
    const kind = reader.int32();
    switch (kind) {
      case request.ok:
        // A server that was asked for SCRAM and skips its own proof does not know the password.
        if (this.#scram !== undefined && !this.#scramDone) {
          throw new ProtocolViolation("it did not prove that it knows the password");
        }
        this.#authenticated = true;
        return;
      case request.saslContinue:
        if (this.#scram === undefined) {
          throw new ProtocolViolation("it continued a login that was not begun");
        }
        this.#socket.write(
          serialize.sendSCRAMClientFinalMessage(await this.#scram.final(reader.bytes(reader.left).toString("utf8"))),
        );
        return;
      case request.saslFinal:
        this.#scram?.verify(reader.bytes(reader.left).toString("utf8"));
        this.#scramDone = this.#scram !== undefined;
        return;
      default:
        return this.#begin(kind, reader);
    }
  }

  #begin(kind: number, reader: BodyReader): void {
    if (this.#method !== undefined || this.#authenticated) {
      throw new ProtocolViolation("it asked for a second proof");
    }
    const { isToken } = this.#login.password;
    if (!methods[isToken ? "token" : "password"].has(kind)) {
      throw new UpstreamError(
        "AuthenticationFailed",
        isToken
          ? `the database does not ask for an IAM token (method ${kind}); ask an administrator to grant rds_iam to user "${this.#login.username}"`
          : `the database asks for an unsupported login method (${kind})`,
        "28000",
      ).because(isToken ? "token-refused" : undefined);
    }
    this.#method = kind;
    switch (kind) {
      case request.cleartext:
        this.#socket.write(serialize.password(this.#password.reveal()));
        return;
      case request.md5:
        this.#socket.write(serialize.password(md5Response(this.#login.username, this.#password, reader.bytes(4))));
        return;
      default:
        return this.#beginScram(reader);
    }
  }

  #beginScram(reader: BodyReader): void {
    const offered: string[] = [];
    for (let name = reader.cstring(); name.length > 0; name = reader.cstring()) {
      offered.push(name.toString("latin1"));
    }
    if (!offered.includes("SCRAM-SHA-256") && !offered.includes("SCRAM-SHA-256-PLUS")) {
      throw new UpstreamError("AuthenticationFailed", "the database offers no login method that is supported", "28000");
    }
    const scram = new ScramClient(this.#password, this.#binding(offered), randomBytes(24).toString("base64"));
    this.#scram = scram;
    this.#socket.write(serialize.sendSASLInitialResponseMessage(scram.mechanism, scram.first()));
  }

  #binding(offered: readonly string[]): ChannelBinding {
    const certificate = this.#socket.getPeerX509Certificate();
    const data = certificate === undefined ? undefined : endPointHash(certificate);
    if (data === undefined) {
      return { kind: "none" };
    }
    return offered.includes("SCRAM-SHA-256-PLUS") ? { kind: "bound", data } : { kind: "offered-by-client" };
  }
}

/** A key of length zero is none: RDS Proxy's way to say so, which clients would take for a fault. */
function readKey(body: Buffer, version: number): BackendKey | undefined {
  const key = readBackendKey(body);
  const { length } = key.key;
  if (length > cancelKeyBytes.max || (version < version32 && length !== 0 && length !== cancelKeyBytes.min)) {
    throw new ProtocolViolation("it sent a cancel key of impossible length");
  }
  return length === 0 ? undefined : key;
}

/** PostgreSQL's invalid_catalog_name: there is no such database. */
const invalidCatalog = "3D000";

/** The server's own words name the login role and the database at most, both of which the person knows. */
function refused(body: Buffer, { username, password }: UpstreamLogin, authenticated: boolean): UpstreamError {
  const error = readServerError(body);
  const state = error.sqlState || sqlState.connectionFailure;
  if (authenticated || !state.startsWith("28")) {
    const words = error.message.toString("utf8");
    return new UpstreamError("Unreachable", `the database refused the connection: ${words} (${state})`, state).because(
      state === invalidCatalog ? "database-missing" : undefined,
    );
  }
  const advice = password.isToken
    ? `the proxy's task role needs rds-db:connect for user "${username}" of this database, and the user needs the role rds_iam`
    : "ask an administrator to check the role's secret";
  return new UpstreamError(
    "AuthenticationFailed",
    `the database refused the proxy's own login (${state}); ${advice}`,
  ).because(password.isToken ? "token-refused" : "login-refused");
}
