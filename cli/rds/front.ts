import { UserError } from "#lib/errors.ts";
import type { ConnectInfo } from "#wire/control-api.ts";
import type { World } from "../command.ts";
import type { GrantTunnel } from "../tunnel/grant-tunnel.ts";
import { listenLocally } from "../tunnel/listener.ts";
import { trackMysql } from "../tunnel/track-mysql.ts";
import { trackPostgres } from "../tunnel/track-postgres.ts";
import { refuseMysql } from "../tunnel/refuse-mysql.ts";
import { refusePostgres } from "../tunnel/refuse-postgres.ts";

/** The local port, which stays the same while the way behind it comes and goes. */
export interface Front {
  readonly port: number;
  /** New connections go through this tunnel from now on. */
  open(tunnel: GrantTunnel): void;
  /** New connections are told this, until the next `open`. */
  shut(reason: string): void;
  /** New connections wait for the next `open`, for `heldMs` at most; then they are told this. */
  hold(reason: string): void;
  /** Has this called whenever a new connection has to wait for the next `open`. */
  onWanted(wanted: () => void): void;
  /** Resolves once no connection is open, or after `withinMs`. */
  drained(withinMs: number): Promise<void>;
  /** Frees the port. Whoever is still connected is told that the command was ended. */
  close(): Promise<void>;
}

/** Why a session was cut, as far as that is known at its moment: the tunnel breaks before anybody could ask. */
const cutWords =
  "the way to the database was lost in the middle of this session; what was not committed is undone. Connect again: sallyport is looking for another way, or says in its own window why there is none";
const stoppedWords = "sallyport rds proxy was ended on this computer; start it again to connect";

/** A new proxy is there before the old one is left, so another way takes seconds. Database clients wait at least as long to connect. */
export const heldMs = 8_000;

/** Takes the port on 127.0.0.1. Nothing is behind it yet. */
export async function openFront(port: number, engine: ConnectInfo["engine"], world: World): Promise<Front> {
  let tunnel: GrantTunnel | undefined;
  let next = Promise.withResolvers<void>();
  let reason = "access is still being set up; try again in a moment";
  let isHeld = false;
  let cut = cutWords;
  let wanted = (): void => {};
  const { output } = world;
  const hold = (why: string): void => {
    tunnel = undefined;
    isHeld = true;
    reason = why;
  };
  /** The tunnel, or the next one where it is on its way. */
  const way = async (): Promise<GrantTunnel> => {
    if (tunnel === undefined && isHeld) {
      const late = Promise.withResolvers<void>();
      const cancel = world.clock.after(heldMs, () => late.resolve());
      wanted();
      await Promise.race([next.promise, late.promise]);
      cancel();
    }
    if (tunnel === undefined) {
      throw new UserError("NotConnected", reason);
    }
    return tunnel;
  };
  const listener = await listenLocally({
    port,
    clock: world.clock,
    track: engine === "PostgreSQL" ? trackPostgres : trackMysql,
    cutMessage: () => `sallyport: ${cut}`,
    refuse: engine === "PostgreSQL" ? refusePostgres : refuseMysql,
    openData: async () => {
      const before = tunnel;
      const data = await (before ?? (await way())).openData();
      if (data.refused?.code !== "draining") {
        return data;
      }
      // The old proxy stopped taking connections just before it said so, or just after this one was opened.
      data.stream.destroy();
      if (tunnel === before) {
        hold(data.refused.message);
      }
      return (await way()).openData();
    },
    onOpen: (number) => output.note(`Connection accepted for session [${number}]`),
    onClose: (number) => output.note(`Connection ended for session [${number}]`),
    onRefused: (number, why) => output.note(`Connection refused for session [${number}]: ${why}`),
  });
  return {
    port: listener.port,
    open(opened) {
      tunnel = opened;
      isHeld = false;
      next.resolve();
      next = Promise.withResolvers();
    },
    shut(why) {
      tunnel = undefined;
      isHeld = false;
      reason = why;
      cut = why;
      next.resolve();
      next = Promise.withResolvers();
    },
    hold,
    onWanted(call) {
      wanted = call;
    },
    drained: (withinMs) => listener.drained(withinMs),
    close: () => listener.close(`sallyport: ${stoppedWords}`),
  };
}
