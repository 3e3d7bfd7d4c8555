import { UserError } from "#lib/errors.ts";
import type { ConnectInfo } from "#wire/control-api.ts";
import type { World } from "../command.ts";
import type { GrantTunnel } from "../tunnel/grant-tunnel.ts";
import { listenLocally } from "../tunnel/listener.ts";
import { refuseMysql } from "../tunnel/refuse-mysql.ts";
import { refusePostgres } from "../tunnel/refuse-postgres.ts";

/** The local port, which stays the same while the way behind it comes and goes. */
export interface Front {
  readonly port: number;
  /** New connections go through this tunnel from now on. */
  open(tunnel: GrantTunnel): void;
  /** New connections are told this, until the next `open`. */
  shut(reason: string): void;
  /** Resolves once no connection is open, or after `withinMs`. */
  drained(withinMs: number): Promise<void>;
  close(): Promise<void>;
}

/** Takes the port on 127.0.0.1. Nothing is behind it yet. */
export async function openFront(port: number, engine: ConnectInfo["engine"], world: World): Promise<Front> {
  let tunnel: GrantTunnel | undefined;
  let reason = "access is still being set up; try again in a moment";
  const { output } = world;
  const listener = await listenLocally({
    port,
    clock: world.clock,
    refuse: engine === "PostgreSQL" ? refusePostgres : refuseMysql,
    openData: async () => {
      if (tunnel === undefined) {
        throw new UserError("NotConnected", reason);
      }
      return tunnel.openData();
    },
    onOpen: (number) => output.note(`Connection accepted for session [${number}]`),
    onClose: (number) => output.note(`Connection ended for session [${number}]`),
    onRefused: (number, why) => output.note(`Connection refused for session [${number}]: ${why}`),
  });
  return {
    port: listener.port,
    open(next) {
      tunnel = next;
    },
    shut(why) {
      tunnel = undefined;
      reason = why;
    },
    drained: (withinMs) => listener.drained(withinMs),
    close: () => listener.close(),
  };
}
