import { pause } from "#lib/clock.ts";
import { coerceError, UserError } from "#lib/errors.ts";
import type { GrantView } from "#wire/control-api.ts";
import type { World } from "../command.ts";
import type { Session } from "../signin/session.ts";
import { type Listener, listenLocally } from "../tunnel/listener.ts";
import { type Connection, connect, type Ending } from "./connect.ts";
import { connectionText, localPort } from "./connection-text.ts";

/** A lost way is looked for again at this pace while the grant is live. */
const reconnectPauseMs = 2_000;
/** How long the proxy has to end its database sessions with their reason: it cancels what runs first, which takes a moment. */
const lastWordsMs = 5_000;
/** The end of a session often shows as a closed SSM session first; the proxy's own reason follows within this time. */
const reasonWaitMs = 2_000;

/**
 * Serves the database on a local port until the grant ends or the person stops it. A lost tunnel (a redeployed proxy, a
 * network change) is replaced while the grant is live; local clients then see a closed connection and connect again.
 */
export async function serveGrant(
  session: Session,
  grant: GrantView,
  typedPort: number | undefined,
  world: World,
): Promise<Ending> {
  let connection: Connection | undefined = await connect(session, grant.grantID, world);
  const { info } = connection;
  const listener = await openListener(localPort(info, typedPort), () => connection, world).catch(async (error) => {
    await connection?.close();
    throw error;
  });
  try {
    announce(connection, listener, world);
    for (;;) {
      const ending = await Promise.race([connection.ended, stopped(world)]);
      const over = ending.final ? ending : await finalReason(session, grant, ending, world);
      if (over !== undefined && !world.signal.aborted) {
        // The proxy still tells each database client why; closing first would leave them with a bare end.
        await listener.drained(lastWordsMs);
      }
      await connection.close();
      if (over !== undefined) {
        return over;
      }
      connection = undefined;
      world.output.event("RECONNECTING", ending.message, {});
      connection = await reconnect(session, grant, world);
    }
  } finally {
    await connection?.close();
    await listener.close();
  }
}

function openListener(port: number, current: () => Connection | undefined, world: World): Promise<Listener> {
  const event = (what: string) => (number: number) => world.output.note(`Connection ${what} for session [${number}]`);
  return listenLocally({
    port,
    openData: async () => {
      const connection = current();
      if (connection === undefined) {
        throw new UserError("Reconnecting", "the way to the proxy is being looked for again; try again in a moment");
      }
      return connection.tunnel.openData();
    },
    onOpen: event("accepted"),
    onClose: event("ended"),
    onRefused: (number, reason) => world.output.note(`Connection refused for session [${number}]: ${reason}`),
  });
}

function announce(connection: Connection, listener: Listener, world: World): void {
  const { url, command } = connectionText(connection.info, listener.port);
  const { info } = connection;
  if (world.output.format === "json") {
    const { grantID, database, role, expiryTime } = info;
    world.output.event("READY", "", {
      host: "127.0.0.1",
      port: listener.port,
      url,
      grantID,
      database,
      role,
      expiryTime,
    });
    return;
  }
  world.output.note(`Database proxy ready for connections on 127.0.0.1:${listener.port}`);
  world.output.note(`You can connect now using this connection string: ${url}`);
  world.output.note(`Or using the ${info.engine === "PostgreSQL" ? "postgres" : "mysql"} cli: ${command}`);
}

function stopped(world: World): Promise<Ending> {
  return new Promise((resolve) => {
    const done = (): void => resolve({ final: true, message: "stopped" });
    if (world.signal.aborted) {
      done();
      return;
    }
    world.signal.addEventListener("abort", done, { once: true });
  });
}

/** A lost way may just be how the grant's end looks from here: asks the control API, which knows. */
async function finalReason(
  session: Session,
  grant: GrantView,
  ending: Ending,
  world: World,
): Promise<Ending | undefined> {
  await pause(world.clock, reasonWaitMs, world.signal).catch(() => {});
  const now = await session.control.get<GrantView>(`/v1/grants/${grant.grantID}`, world.signal).catch(() => undefined);
  if (now === undefined || now.state === "Active") {
    return undefined;
  }
  return { final: true, message: now.endReason ?? ending.message };
}

async function reconnect(session: Session, grant: GrantView, world: World): Promise<Connection> {
  const endsMs = Date.parse(grant.expiryTime ?? "");
  for (;;) {
    try {
      return await connect(session, grant.grantID, world);
    } catch (error) {
      const failure = coerceError(error);
      const over = failure instanceof UserError && ["GrantNotLive", "GrantNotFound"].includes(failure.code);
      if (world.signal.aborted || over || world.clock.now() > endsMs) {
        throw failure;
      }
      world.output.note(failure.message);
      await pause(world.clock, reconnectPauseMs, world.signal);
    }
  }
}
