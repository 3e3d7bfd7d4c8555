import { randomBytes } from "node:crypto";
import type { TLSSocket } from "node:tls";
import type { Secret } from "#lib/secret.ts";
import { readBackendKey, readParameterStatus, readServerError, type BackendKey } from "../postgres/backend.ts";
import { encodePassword, encodeSASLInitial, encodeSASLResponse, encodeStartup } from "../postgres/encode.ts";
import { md5Response } from "../postgres/md5.ts";
import { back, ProtocolViolation } from "../postgres/protocol.ts";
import { BodyReader } from "../postgres/reader.ts";
import { type ChannelBinding, ScramClient } from "../postgres/scram.ts";
import { StreamEnded } from "../streams.ts";
import { connectUpstream, endPointHash, type ConnectOptions } from "./connect.ts";
import { MessageReader } from "./messages.ts";
import { UpstreamError, type UpstreamLogin, type UpstreamTarget } from "./target.ts";

/** A connection that is logged in and idle. */
export interface Upstream {
  readonly socket: TLSSocket;
  /** Breaks the connection off; see `UpstreamConnection`. */
  readonly reset: () => void;
  /** Parameters as the server reported them, in its order. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Absent behind proxies that give none (RDS Proxy): then there is no cancelling. */
  readonly key: BackendKey | undefined;
  /** Bytes that followed the first ReadyForQuery. */
  readonly rest: Buffer;
}

/** From startup packet to ReadyForQuery; the server's own authentication_timeout is 60 s. */
export const loginTimeoutMs = 20_000;
/** Authentication requests of AuthenticationOk, cleartext, md5 and SASL. */
const request = { ok: 0, cleartext: 3, md5: 5, sasl: 10, saslContinue: 11, saslFinal: 12 } as const;

/**
 * Connects and logs in. A password that is refused is fetched afresh and tried once more, since it may have been rotated.
 * Throws `UpstreamError`.
 */
export async function openUpstream(
  target: UpstreamTarget,
  login: UpstreamLogin,
  options: ConnectOptions,
): Promise<Upstream> {
  const password = await unlessAborted(login.password.get(false), options.signal);
  try {
    return await attempt(target, login, password, options);
  } catch (error) {
    if (!(error instanceof UpstreamError) || error.health !== "AuthenticationFailed") {
      throw error;
    }
    const fresh = await unlessAborted(login.password.get(true), options.signal);
    if (fresh.reveal() === password.reveal()) {
      throw error;
    }
    return attempt(target, login, fresh, options);
  }
}

/** Waits for something that cannot be aborted itself, and whose late result nobody needs. */
async function unlessAborted<T>(result: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) {
    return result;
  }
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(new UpstreamError("SecretUnreadable", "the session was given up"));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    if (signal.aborted) {
      onAbort();
    }
    return await Promise.race([result, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

async function attempt(
  target: UpstreamTarget,
  login: UpstreamLogin,
  password: Secret,
  options: ConnectOptions,
): Promise<Upstream> {
  const { socket, reset } = await connectUpstream(target, options);
  const giveUp = (): void => void socket.destroy();
  const cancelTimer = options.clock.after(loginTimeoutMs, giveUp);
  options.signal?.addEventListener("abort", giveUp, { once: true });
  try {
    const startup = new Map([["user", login.username], ["database", login.databaseName], ...login.parameters]);
    socket.write(encodeStartup(startup));
    return { ...(await new Login(socket, login.username, password).run()), reset };
  } catch (error) {
    socket.destroy();
    throw explain(error, target);
  } finally {
    cancelTimer();
    options.signal?.removeEventListener("abort", giveUp);
  }
}

function explain(error: unknown, target: UpstreamTarget): unknown {
  const where = `the database at ${target.host}:${target.port}`;
  if (error instanceof StreamEnded) {
    return new UpstreamError("Unreachable", `${where} closed the connection during login`);
  }
  return error instanceof ProtocolViolation ? new UpstreamError("Unreachable", `${where}: ${error.message}`) : error;
}

class Login {
  readonly #socket: TLSSocket;
  readonly #username: string;
  readonly #password: Secret;
  readonly #reader: MessageReader;
  readonly #parameters = new Map<string, string>();
  #scram: ScramClient | undefined;
  #scramDone = false;
  #authenticated = false;
  #key: BackendKey | undefined;

  constructor(socket: TLSSocket, username: string, password: Secret) {
    this.#socket = socket;
    this.#username = username;
    this.#password = password;
    this.#reader = new MessageReader(socket);
  }

  async run(): Promise<Omit<Upstream, "reset">> {
    for (;;) {
      const { type, body } = await this.#reader.next();
      if (type === back.authentication) {
        await this.#authenticate(body);
      } else if (type === back.error) {
        throw refused(body, this.#authenticated);
      } else if (type === back.notice || type === back.negotiateVersion) {
        continue;
      } else if (!this.#authenticated) {
        throw new ProtocolViolation("it skipped authentication");
      } else if (type === back.parameterStatus) {
        const { name, value } = readParameterStatus(body);
        this.#parameters.set(name, value);
      } else if (type === back.backendKeyData) {
        const key = readBackendKey(body);
        this.#key = key.key.length === 0 ? undefined : key;
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
      case request.cleartext:
        // TLS is verified by now: connectUpstream gives no other connection.
        this.#socket.write(encodePassword(this.#password.reveal()));
        return;
      case request.md5:
        this.#socket.write(encodePassword(md5Response(this.#username, this.#password, reader.bytes(4))));
        return;
      case request.sasl:
        return this.#beginScram(reader);
      case request.saslContinue:
        if (this.#scram === undefined) {
          throw new ProtocolViolation("it continued a login that was not begun");
        }
        this.#socket.write(encodeSASLResponse(await this.#scram.final(reader.bytes(reader.left).toString("utf8"))));
        return;
      case request.saslFinal:
        this.#scram?.verify(reader.bytes(reader.left).toString("utf8"));
        this.#scramDone = this.#scram !== undefined;
        return;
      default:
        throw new UpstreamError(
          "AuthenticationFailed",
          `the database asks for an unsupported login method (${kind})`,
          "28000",
        );
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
    this.#socket.write(encodeSASLInitial(scram.mechanism, scram.first()));
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

/** The server's own words name the login role and the database at most, both of which the person knows. */
function refused(body: Buffer, authenticated: boolean): UpstreamError {
  const error = readServerError(body);
  const state = error.sqlState || "08006";
  const isLogin = !authenticated && state.startsWith("28");
  return new UpstreamError(
    isLogin ? "AuthenticationFailed" : "Unreachable",
    isLogin
      ? `the database refused the proxy's own login (${state}); ask an administrator to check the role's secret`
      : `the database refused the connection: ${error.message.toString("utf8")} (${state})`,
    isLogin ? "08006" : state,
  );
}
