import { createHash, type X509Certificate } from "node:crypto";
import { connect as connectTCP, isIP, type Socket } from "node:net";
import { connect as connectTLS, createSecureContext, type SecureContext, type TLSSocket } from "node:tls";
import type { Clock } from "#lib/clock.ts";
import type { DatabaseProblem } from "#wire/link.ts";
import { encodeSSLRequest } from "../postgres/encode.ts";
import { ChunkReader, ignoreErrors } from "../streams.ts";
import { UpstreamError, type UpstreamTarget } from "./target.ts";

/** TCP, SSLRequest and TLS together. A healthy RDS instance in the same VPC needs milliseconds; a dead one must not hold a client. */
export const connectTimeoutMs = 10_000;

/** A verified TLS connection. */
export interface UpstreamConnection {
  readonly socket: TLSSocket;
  /** IP address of the server; see `UpstreamTarget`. */
  readonly address: string;
  /**
   * Breaks the connection off at once, by a TCP reset: what was sent and not yet read by the server is as good as lost, since the
   * server stops at its first failed answer. `destroy` would let it work through everything first.
   */
  readonly reset: () => void;
}

/** Ends an attempt from outside. */
export interface ConnectOptions {
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

/**
 * Opens a verified TLS connection to a Postgres server. A server that refuses TLS is an error, never a plain connection, and
 * plain bytes behind the answer to SSLRequest end the attempt (CVE-2021-23222). Throws `UpstreamError`.
 */
export async function connectUpstream(target: UpstreamTarget, options: ConnectOptions): Promise<UpstreamConnection> {
  const socket = dial(target);
  return connecting(socket, target, options, async () => {
    const address = await connected(socket);
    await requestTLS(socket, target);
    return {
      address,
      socket: await startTLS(socket, target, ["postgresql"]),
      reset: () => void socket.resetAndDestroy(),
    };
  });
}

/** Begins a TCP connection to a server of any engine. */
export function dial(target: UpstreamTarget): Socket {
  const { host, port, address, lookup } = target;
  const socket = connectTCP({
    host: address ?? host,
    port,
    noDelay: true,
    ...(lookup === undefined ? {} : { lookup }),
  });
  ignoreErrors(socket);
  return socket;
}

/**
 * Takes a step towards a connection, within `connectTimeoutMs` and until the attempt is given up. Destroys the socket and throws
 * `UpstreamError` when it fails; other errors than that one are failures of the network.
 */
export async function connecting<T>(
  socket: Socket,
  target: UpstreamTarget,
  options: ConnectOptions,
  step: () => Promise<T>,
): Promise<T> {
  let why = "did not answer in time";
  let problem: DatabaseProblem | undefined;
  const cancelTimer = options.clock.after(connectTimeoutMs, () => {
    // Packets that nobody answers are mostly packets that nothing lets through. A server that was reached and is silent is something else.
    problem = socket.connecting ? "connect-timeout" : undefined;
    socket.destroy();
  });
  const onAbort = (): void => {
    why = "was given up";
    socket.destroy();
  };
  options.signal?.addEventListener("abort", onAbort, { once: true });
  try {
    if (options.signal?.aborted) {
      onAbort();
    }
    return await step();
  } catch (error) {
    socket.destroy();
    if (error instanceof UpstreamError) {
      throw error;
    }
    const code = (error as NodeJS.ErrnoException).code;
    throw new UpstreamError(
      "Unreachable",
      `the database at ${target.host}:${target.port} ${code === undefined ? why : `cannot be reached (${code})`}`,
    ).because(code === undefined ? problem : networkProblems[code]);
  } finally {
    cancelTimer();
    options.signal?.removeEventListener("abort", onAbort);
  }
}

/** Error codes of the operating system that somebody can mend. */
const networkProblems: Readonly<Record<string, DatabaseProblem>> = {
  ETIMEDOUT: "connect-timeout",
  ECONNREFUSED: "connect-refused",
  ENOTFOUND: "name-not-found",
  EAI_AGAIN: "name-not-found",
  EHOSTUNREACH: "no-route",
  ENETUNREACH: "no-route",
};

/** Settles once a socket that was just begun is connected, to which address, or cannot be. */
export function connected(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    // Without an address it was reset in the meantime.
    socket.once("connect", () => {
      const { remoteAddress } = socket;
      return remoteAddress === undefined ? reject(new Error("closed")) : resolve(remoteAddress);
    });
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("closed")));
  });
}

async function requestTLS(socket: Socket, target: UpstreamTarget): Promise<void> {
  const reader = new ChunkReader(socket);
  socket.write(encodeSSLRequest());
  const answer = await reader.next();
  const rest = reader.detach();
  if (answer[0] !== 0x53) {
    throw new UpstreamError("TLSRefused", `the database at ${target.host}:${target.port} does not offer TLS`).because(
      "tls-not-offered",
    );
  }
  if (answer.length > 1 || rest.length > 0) {
    throw new UpstreamError(
      "TLSRefused",
      "the database sent plain bytes where TLS begins; the connection is not trusted",
    );
  }
}

/** One context for each list of authorities, kept as long as the list is. */
const contexts = new WeakMap<readonly string[], SecureContext>();

/** Reading RDS's 120 authorities takes 10 ms and a megabyte (measured): once, not for every session. */
function contextFor(authorities: readonly string[]): SecureContext {
  let context = contexts.get(authorities);
  if (context === undefined) {
    context = createSecureContext({ ca: [...authorities], minVersion: "TLSv1.2" });
    contexts.set(authorities, context);
  }
  return context;
}

/**
 * Goes over to TLS on a socket that is agreed on it, by the target's policy: the only place where a server's certificate is
 * checked. Rejects with `UpstreamError`.
 */
export function startTLS(socket: Socket, target: UpstreamTarget, protocols: string[]): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const secure = connectTLS({
      socket,
      host: target.host,
      // An address is no name to ask for (RFC 6066), but it is checked all the same.
      ...(isIP(target.host) === 0 ? { servername: target.host } : {}),
      secureContext: contextFor(target.authorities),
      ...(protocols.length === 0 ? {} : { ALPNProtocols: protocols }),
      ...(target.tlsMode === "VerifyCA" ? { checkServerIdentity: () => undefined } : {}),
    });
    secure.once("secureConnect", () => {
      secure.setNoDelay(true);
      ignoreErrors(secure);
      resolve(secure);
    });
    secure.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        new UpstreamError(
          "TLSRefused",
          `the certificate or TLS of the database at ${target.host}:${target.port} is not accepted (${error.code ?? "TLS error"})`,
          undefined,
          error,
        ).because("tls-certificate"),
      ),
    );
    secure.once("close", () => reject(new Error("closed")));
  });
}

/**
 * Hash of the server's certificate for channel binding `tls-server-end-point` (RFC 5929 section 4.1): the hash of the certificate's
 * own signature algorithm, with SHA-256 in place of MD5 and SHA-1. Undefined where the algorithm names no hash.
 */
export function endPointHash(certificate: X509Certificate): Buffer | undefined {
  const named = /(sha\d+|md5)/i.exec(certificate.signatureAlgorithm ?? "")?.[1]?.toLowerCase();
  if (named === undefined) {
    return undefined;
  }
  const hash = named === "md5" || named === "sha1" ? "sha256" : named;
  return createHash(hash).update(certificate.raw).digest();
}
