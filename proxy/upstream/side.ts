import { serialize } from "pg-protocol";
import type { BackendKey } from "../postgres/backend.ts";
import { encodeCancelRequest } from "../postgres/encode.ts";
import { connectUpstream, type ConnectOptions } from "./connect.ts";
import { openUpstream, type Upstream } from "./login.ts";
import { UpstreamError, type UpstreamLogin, type UpstreamTarget } from "./target.ts";

/**
 * Settings of a connection of the proxy's own. A role may set each of them for itself, and so for the proxy's next login, to keep the
 * proxy from ending its backend; what the startup packet says goes before what the role says. Each list is for servers that do not
 * know the one before: PostgreSQL 17, 14, older ones, and poolers that take none.
 */
const sideSettings = [
  ["statement_timeout", "lock_timeout", "idle_session_timeout", "transaction_timeout"],
  ["statement_timeout", "lock_timeout", "idle_session_timeout"],
  ["statement_timeout", "lock_timeout"],
  [],
] as const;
/** undefined_object is a setting that the server does not know; poolers say protocol_violation. */
const unknownSetting: ReadonlySet<string> = new Set(["42704", "08P01"]);

/** Opens a connection of the proxy's own, as a role. Throws `UpstreamError`. */
export async function openSide(
  target: UpstreamTarget,
  login: Omit<UpstreamLogin, "parameters">,
  options: ConnectOptions,
): Promise<Upstream> {
  let refusal: unknown;
  for (const settings of sideSettings) {
    const parameters = new Map([["application_name", "sallyport"], ...settings.map((name) => [name, "0"] as const)]);
    try {
      return await openUpstream(target, { ...login, parameters }, options);
    } catch (error) {
      if (!(error instanceof UpstreamError) || !unknownSetting.has(error.sqlState)) {
        throw error;
      }
      refusal = error;
    }
  }
  throw refusal;
}

/** Ends an idle connection politely. */
export function closeUpstream(upstream: Upstream): void {
  upstream.socket.end(serialize.end());
  upstream.socket.resume();
}

/**
 * Asks the server to cancel what a backend runs, over the same TLS policy as any connection. The server answers nothing, right
 * or wrong; it closes once the request is handled, which is what this waits for. Throws `UpstreamError`.
 */
export async function cancelUpstream(target: UpstreamTarget, key: BackendKey, options: ConnectOptions): Promise<void> {
  const { socket } = await connectUpstream(target, options);
  await new Promise<void>((resolve) => {
    const cancelTimer = options.clock.after(cancelTimeoutMs, () => socket.destroy());
    socket.once("close", () => {
      cancelTimer();
      resolve();
    });
    socket.resume();
    socket.end(encodeCancelRequest(key.pid, key.key));
  });
}

/** The postmaster handles a cancel request within milliseconds. */
const cancelTimeoutMs = 5_000;
