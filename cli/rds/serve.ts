import { pause } from "#lib/clock.ts";
import { coerceError, UserError } from "#lib/errors.ts";
import type { ConnectInfo, GrantView } from "#wire/control-api.ts";
import type { World } from "../command.ts";
import { ControlFailure } from "../control/failure.ts";
import type { Session } from "../signin/session.ts";
import { type Connection, connect, type Ending } from "./connect.ts";
import { connectionText } from "./connection-text.ts";
import type { Front } from "./front.ts";

/** A way that is not there is looked for again at this pace. */
export const reconnectPauseMs = 2_000;
/** Right after its activation a grant needs some seconds to reach the proxy and the account, and a new task up to a minute. */
export const firstWaitMs = 60_000;
/** How long the proxy has to end its database sessions with their reason: it cancels what runs first, which takes a moment. */
const lastWordsMs = 5_000;
/** The end of a session often shows as a closed SSM session first; the controller knows the reason within this time. */
const reasonWaitMs = 2_000;
/** Codes of the control API that say that the grant is no longer live. */
const overCodes: ReadonlySet<string> = new Set(["GrantNotLive", "GrantNotFound"]);
/** What passes by itself right after an activation. */
const passingCodes: ReadonlySet<string> = new Set([
  "ProxyRefusedForNow",
  "TargetNotConnected",
  "ProxyNotReady",
  "AccessDenied",
]);
/** What does not pass while the grant is live: a person must act. */
const lastingCodes: ReadonlySet<string> = new Set([...overCodes, "ProxyRefused", "SignInNeeded", "SignedOut"]);

/** Opens the way to the database of a grant. */
export type Connect = (session: Session, grantID: string, world: World) => Promise<Connection>;

/** How serving a grant came to its end. */
export type Served = { readonly kind: "stopped" } | { readonly kind: "over"; readonly message: string };

/**
 * Serves the database on the front's port until the grant ends or the person stops it. A lost tunnel (a network change) is replaced while
 * the grant is live; local clients then see a closed connection and connect again. A proxy that is being replaced is left without that:
 * new connections go to its successor, and the old tunnel stays until the last of those that are open has ended.
 */
export async function serveGrant(
  session: Session,
  grant: GrantView,
  front: Front,
  world: World,
  connectOnce: Connect = connect,
): Promise<Served> {
  const stopped = stopOf(world.signal);
  const dial = (): Promise<Connection> => unlessStopped(connectOnce(session, grant.grantID, world), world.signal);
  const retired = new Retired();
  let connection: Connection | undefined;
  try {
    const triesEndMs = world.clock.monotonicMs() + firstWaitMs;
    const isPassing = (code: string): boolean => passingCodes.has(code) && world.clock.monotonicMs() < triesEndMs;
    connection = await dialWhile(dial, isPassing, world);
    front.open(connection.tunnel);
    announce(connection.info, front.port, world);
    for (;;) {
      const expiryMs = Date.parse(connection.info.expiryTime);
      const isLive = (code: string): boolean => !lastingCodes.has(code) && world.clock.now() < expiryMs;
      const event = await Promise.race([connection.ended, stopped.promise, connection.draining]);
      if (event === undefined) {
        return { kind: "stopped" };
      }
      if (typeof event === "string") {
        world.output.event("MOVING", event, { message: event });
        front.hold("the proxy is being replaced, and its successor cannot be reached yet; try again in a moment");
        const next = await successor(dialWhile(dial, isLive, world), connection.ended);
        if ("tunnel" in next) {
          front.open(next.tunnel);
          world.output.event("MOVED", "New connections go to the new proxy", { port: front.port });
          retired.add(connection);
          connection = next;
          continue;
        }
      }
      const ending = typeof event === "string" ? await connection.ended : event;
      front.shut("the way to the proxy was lost and is being looked for again; try again in a moment");
      const over = ending.final ? ending : await finalReason(session, grant, ending, world);
      if (over !== undefined) {
        front.shut("failed to accept connection for client because the proxy server connection has ended");
        // The proxy still tells each database client why; closing first would leave them with a bare end.
        await Promise.race([front.drained(lastWordsMs), stopped.promise]);
        return { kind: "over", message: over.message };
      }
      await connection.close();
      world.output.event("RECONNECTING", ending.message, { message: ending.message });
      connection = undefined;
      connection = await dialWhile(dial, isLive, world);
      front.open(connection.tunnel);
      world.output.event("RECONNECTED", "The database can be used again", { port: front.port });
    }
  } finally {
    stopped.cancel();
    await Promise.all([connection?.close(), retired.close()]);
  }
}

/** Ways that are left: each is closed once the last database connection through it has ended, or it is over by itself. */
class Retired {
  readonly #connections = new Set<Connection>();

  add(connection: Connection): void {
    this.#connections.add(connection);
    void Promise.race([connection.idle(), connection.ended]).then(async () => {
      await connection.close();
      this.#connections.delete(connection);
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#connections].map((connection) => connection.close()));
  }
}

/** The connection that takes over, or the end of the grant where that comes first; a connection that comes too late is closed. */
async function successor(dialing: Promise<Connection>, ended: Promise<Ending>): Promise<Connection | Ending> {
  const over = Promise.withResolvers<Ending>();
  void ended.then((ending) => {
    if (ending.final) {
      over.resolve(ending);
    }
  });
  const first = await Promise.race([dialing, over.promise]);
  if (!("tunnel" in first)) {
    void dialing.then(
      (late) => late.close(),
      () => {},
    );
  }
  return first;
}

/** Resolves when the person stops the command; one listener, however often it is waited for. */
function stopOf(signal: AbortSignal): { readonly promise: Promise<undefined>; cancel(): void } {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const stop = (): void => resolve(undefined);
  if (signal.aborted) {
    stop();
  }
  signal.addEventListener("abort", stop, { once: true });
  return { promise, cancel: () => signal.removeEventListener("abort", stop) };
}

/** The connection, or the signal's reason as soon as it aborts; a connection that comes too late is closed. */
async function unlessStopped(connecting: Promise<Connection>, signal: AbortSignal): Promise<Connection> {
  const stopped = stopOf(signal);
  try {
    const first = await Promise.race([connecting, stopped.promise]);
    if (first !== undefined) {
      return first;
    }
  } finally {
    stopped.cancel();
  }
  void connecting.then(
    (late) => late.close(),
    () => {},
  );
  throw coerceError(signal.reason);
}

function announce(info: ConnectInfo, port: number, world: World): void {
  const { output } = world;
  const { url, command } = connectionText(info, port);
  if (output.format === "json") {
    const { grantID, engine, database, role, databaseName, username, endpoint, expiryTime } = info;
    const way = { host: "127.0.0.1", port, url, engine, databaseName, username };
    output.event("READY", "", { ...way, grantID, database, role, endpoint, expiryTime });
    return;
  }
  output.note(`Database proxy ready for connections on 127.0.0.1:${port}`);
  output.note(`You can connect now using this connection string: ${url}`);
  output.note(`Or using the ${info.engine === "PostgreSQL" ? "postgres" : "mysql"} cli: ${command}`);
}

/** A lost way may just be how the grant's end looks from here: asks the control API, which knows. */
async function finalReason(
  session: Session,
  grant: GrantView,
  ending: Ending,
  world: World,
): Promise<Ending | undefined> {
  await pause(world.clock, reasonWaitMs, world.signal).catch(() => {});
  try {
    const now = await session.control.get<GrantView>(`/v1/grants/${grant.grantID}`, { signal: world.signal });
    return now.state === "Active" ? undefined : { final: true, message: now.endReason ?? ending.message };
  } catch (error) {
    // Without its word the grant may well be live: reconnecting finds out.
    return error instanceof ControlFailure && overCodes.has(error.code)
      ? { final: true, message: ending.message }
      : undefined;
  }
}

/** Dials until there is a way. A failure is tried again while `mayPass` says so of its code; each is told once. */
async function dialWhile(
  dial: () => Promise<Connection>,
  mayPass: (code: string) => boolean,
  world: World,
): Promise<Connection> {
  let said = "";
  for (;;) {
    try {
      return await dial();
    } catch (error) {
      const failure = coerceError(error);
      if (world.signal.aborted || !(failure instanceof UserError) || !mayPass(failure.code)) {
        throw failure;
      }
      if (failure.message !== said) {
        said = failure.message;
        world.output.note(`${said}; trying again`);
      }
      await pause(world.clock, reconnectPauseMs, world.signal);
    }
  }
}
