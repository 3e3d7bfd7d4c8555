import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Secret } from "#lib/secret.ts";
import { head, readAuthSwitch, readError, sha2Answer, unexpectedPacket } from "../mysql/answers.ts";
import { capability } from "../mysql/capabilities.ts";
import { readGreeting, type ServerGreeting } from "../mysql/greeting.ts";
import { encodeLogin, encodeTLSRequest, type ServerLogin } from "../mysql/login.ts";
import { clearResponse, nativeResponse, plugin, sha2Response } from "../mysql/scramble.ts";
import { errors, MySqlViolation } from "../mysql/violation.ts";
import { StreamEnded } from "../streams.ts";
import { connected, connecting, dial, startTLS, type ConnectOptions } from "./connect.ts";
import { loginTimeoutMs } from "./login.ts";
import { PacketChannel } from "./mysql-packets.ts";
import { UpstreamError, type UpstreamTarget } from "./target.ts";

/** Why a MySQL server could not be reached, with the number that tells its client. */
export class MySqlUpstreamError extends UpstreamError {
  readonly errno: number;

  constructor(health: UpstreamError["health"], message: string, code: { errno: number; sqlState: string }) {
    super(health, message, code.sqlState);
    this.errno = code.errno;
  }
}

/** A server that has greeted and waits for a login, on a connection that is still plain. */
export interface GreetedServer {
  readonly greeting: ServerGreeting;
  readonly socket: Socket;
  readonly channel: PacketChannel;
  /** IP address of the server. */
  readonly address: string;
}

/** What to log in as; flags as agreed with the client. */
export type MySqlLogin = Pick<
  ServerLogin,
  "flags" | "extended" | "maxPacketBytes" | "charset" | "username" | "databaseName" | "attributes"
>;

/** What proves that the proxy may log in. */
export interface Proof {
  readonly password: Secret;
  /** An IAM token: sent as it is, by no other method. */
  readonly isToken: boolean;
}

/** A MySQL connection that is logged in and idle. */
export interface MySqlUpstream {
  readonly socket: TLSSocket;
  /** Breaks the connection off at once; see `UpstreamConnection`. */
  readonly reset: () => void;
  /** IP address of the server: other connections about this one go there. */
  readonly address: string;
  readonly greeting: ServerGreeting;
  /** Payload of the OK packet that ended the login: session state that the client wants to know too. */
  readonly ok: Buffer;
  /** Bytes that followed the OK packet. */
  readonly rest: Buffer;
}

/**
 * Connects and reads the server's greeting. A server without TLS is an error, never a plain connection; so are plain bytes behind
 * the greeting. A server of MySQL 8 gives up on a login after `connect_timeout`, 10 s. Throws `UpstreamError`.
 */
export async function greetedByServer(target: UpstreamTarget, options: ConnectOptions): Promise<GreetedServer> {
  const socket = dial(target);
  return connecting(socket, target, options, async () => {
    const address = await connected(socket);
    const channel = new PacketChannel(socket);
    try {
      const payload = await channel.read();
      if (payload[0] === head.error) {
        throw refused(readError(payload));
      }
      const greeting = readGreeting(payload);
      if ((greeting.flags & capability.tls) === 0) {
        throw new UpstreamError(
          "TLSRefused",
          `the database at ${target.host}:${target.port} does not offer TLS`,
        ).because("tls-not-offered");
      }
      return { greeting, socket, channel, address };
    } catch (error) {
      throw explain(error, target);
    }
  });
}

/** Goes over to TLS and logs in. Ends the connection when that fails. Throws `UpstreamError`. */
export async function logIn(
  greeted: GreetedServer,
  target: UpstreamTarget,
  login: MySqlLogin,
  proof: Proof,
  options: ConnectOptions,
): Promise<MySqlUpstream> {
  const { socket, channel, greeting, address } = greeted;
  const secure = await connecting(socket, target, options, async () => {
    const request = channel.encode(encodeTLSRequest(login));
    if (channel.detach().length > 0) {
      throw new UpstreamError(
        "TLSRefused",
        "the database sent plain bytes where TLS begins; the connection is not trusted",
      );
    }
    socket.write(request);
    return { stream: await startTLS(socket, target, []), sequence: channel.sequence };
  });
  const giveUp = (): void => void secure.stream.destroy();
  const cancelTimer = options.clock.after(loginTimeoutMs, giveUp);
  options.signal?.addEventListener("abort", giveUp, { once: true });
  try {
    const conversation = new PacketChannel(secure.stream, undefined, secure.sequence);
    const ok = await converse(conversation, greeting, login, proof);
    const reset = (): void => void socket.resetAndDestroy();
    return { socket: secure.stream, reset, address, greeting, ok, rest: conversation.detach() };
  } catch (error) {
    secure.stream.destroy();
    throw explain(error, target);
  } finally {
    cancelTimer();
    options.signal?.removeEventListener("abort", giveUp);
  }
}

/** From the login to the server's OK packet, whose payload it returns. Everything in it travels over verified TLS. */
async function converse(
  channel: PacketChannel,
  greeting: ServerGreeting,
  login: MySqlLogin,
  proof: Proof,
): Promise<Buffer> {
  const first = firstProof(greeting, proof);
  let { method } = first;
  channel.write(encodeLogin({ ...login, plugin: method, authResponse: first.response }));
  let hasSwitched = false;
  let hasAskedInFull = false;
  for (;;) {
    const payload = await channel.read();
    switch (payload[0]) {
      case head.ok:
        return payload;
      case head.error:
        throw refused(readError(payload), proof.isToken);
      case head.authSwitch: {
        const wanted = readAuthSwitch(payload);
        // The protocol has one switch; a server that goes on asking is not answered for ever.
        if (hasSwitched) {
          throw new MySqlViolation("it changes the login method again and again");
        }
        hasSwitched = true;
        const response = wanted === "old" ? undefined : prove(wanted.plugin, wanted.nonce, proof);
        if (wanted === "old" || response === undefined) {
          throw unsupported(wanted === "old" ? plugin.old : wanted.plugin, proof);
        }
        method = wanted.plugin;
        channel.write(response);
        break;
      }
      case head.moreData:
        if (method !== plugin.sha2 || proof.isToken || hasAskedInFull) {
          throw unexpectedPacket(payload[0]);
        }
        if (payload[1] === sha2Answer.full) {
          hasAskedInFull = true;
          channel.write(clearResponse(proof.password));
        } else if (payload[1] !== sha2Answer.fast) {
          throw unexpectedPacket(payload[0]);
        }
        break;
      default:
        throw unexpectedPacket(payload[0]);
    }
  }
}

/**
 * What the login itself proves. The greeting names the server's default method; the user may have another, which the server then
 * asks for. A token is no password that could be scrambled: the server asks for it as it is, once it knows who logs in.
 */
function firstProof(greeting: ServerGreeting, proof: Proof): { readonly method: string; readonly response: Buffer } {
  if (proof.isToken) {
    return { method: plugin.native, response: Buffer.alloc(0) };
  }
  return greeting.plugin === plugin.sha2
    ? { method: plugin.sha2, response: sha2Response(proof.password, greeting.nonce) }
    : { method: plugin.native, response: nativeResponse(proof.password, greeting.nonce) };
}

/** The answer to a login method; undefined for one that is not supported, or that a token may not be used with. */
function prove(method: string, nonce: Buffer, { password, isToken }: Proof): Buffer | undefined {
  if (method === plugin.clear) {
    return clearResponse(password);
  }
  if (isToken) {
    return undefined;
  }
  switch (method) {
    case plugin.sha2:
      return sha2Response(password, nonce);
    case plugin.native:
      return nativeResponse(password, nonce);
    default:
      return undefined;
  }
}

function unsupported(method: string, { isToken }: Proof): MySqlUpstreamError {
  const name = method.replaceAll(/[^\w.-]/g, "?").slice(0, 64);
  const message = isToken
    ? `the database asks for ${name} where an IAM token is used; the user must be created with AWSAuthenticationPlugin`
    : `the database asks for an unsupported login method (${name})`;
  return new MySqlUpstreamError("AuthenticationFailed", message, errors.accessDenied).because(
    isToken ? "token-refused" : undefined,
  );
}

/**
 * Numbers that say that this user may not log in so: ER_ACCESS_DENIED_ERROR, ER_ACCESS_DENIED_NO_PASSWORD_ERROR,
 * ER_NOT_SUPPORTED_AUTH_MODE, ER_MUST_CHANGE_PASSWORD_LOGIN, ER_ACCOUNT_HAS_BEEN_LOCKED, and MariaDB's of the same.
 */
const loginErrors: ReadonlySet<number> = new Set([1045, 1698, 1251, 1862, 3118, 4151]);

/** ER_BAD_DB_ERROR. */
const unknownDatabase = 1049;

function refused({ errno, sqlState, message }: ReturnType<typeof readError>, isToken = false): MySqlUpstreamError {
  return loginErrors.has(errno)
    ? new MySqlUpstreamError(
        "AuthenticationFailed",
        `the database refused the proxy's own login (${errno}); ask an administrator to check the role's secret`,
        errors.unreachable,
      ).because(isToken ? "token-refused" : "login-refused")
    : new MySqlUpstreamError("Unreachable", `the database refused the connection: ${message} (${errno})`, {
        errno,
        sqlState,
      }).because(errno === unknownDatabase ? "database-missing" : undefined);
}

function explain(error: unknown, target: UpstreamTarget): unknown {
  const where = `the database at ${target.host}:${target.port}`;
  if (error instanceof StreamEnded) {
    return new UpstreamError("Unreachable", `${where} closed the connection during login`);
  }
  return error instanceof MySqlViolation ? new UpstreamError("Unreachable", `${where}: ${error.message}`) : error;
}
