import { setImmediate } from "node:timers/promises";
import { UserError } from "#lib/errors.ts";
import type { Secret } from "#lib/secret.ts";
import type { ConnectInfo } from "#wire/control-api.ts";
import type { World } from "../command.ts";
import { demandMysql } from "../tunnel/demand-mysql.ts";
import { demandPostgres } from "../tunnel/demand-postgres.ts";
import type { DataStream, GrantTunnel } from "../tunnel/grant-tunnel.ts";
import { type Listener, listenLocally } from "../tunnel/listener.ts";
import { sameUserOnly } from "../tunnel/peer-user.ts";
import { refuseMysql } from "../tunnel/refuse-mysql.ts";
import { refusePostgres } from "../tunnel/refuse-postgres.ts";
import { trackMysql } from "../tunnel/track-mysql.ts";
import { trackPostgres } from "../tunnel/track-postgres.ts";

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
  /** Has this called for each new connection, before a way is opened for it. */
  onClient(came: () => void): void;
  /** Resolves once no connection is open, or after `withinMs`. */
  drained(withinMs: number): Promise<void>;
  /** Frees the port. Whoever is still connected is told that the command was ended. May be called again. */
  close(): Promise<void>;
}

export interface FrontOptions {
  /** 0 takes any free port. */
  readonly port: number;
  readonly engine: ConnectInfo["engine"];
  /** Demanded of every client; absent: any password is right. */
  readonly password?: Secret;
  /** Whether other users of this machine may connect, where they can be told apart. */
  readonly allowOtherUsers?: boolean;
}

/** A new proxy is there before the old one is left, so another way takes seconds. Database clients wait at least as long to connect. */
export const heldMs = 8_000;

/** Why a session was cut, as far as that is known at its moment: the tunnel breaks before anybody could ask. */
const cutWords =
  "the way to the database was lost in the middle of this session; what was not committed is undone. Connect again: sallyport is looking for another way, or says in its own window why there is none";
const stoppedWords = "sallyport rds proxy was ended on this computer; start it again to connect";

/** Takes the port on 127.0.0.1. Nothing is behind it yet. */
export async function openFront(options: FrontOptions, world: World): Promise<Front> {
  const way = new Way(world);
  const { port, engine, password, allowOtherUsers } = options;
  const isPostgres = engine === "PostgreSQL";
  const { output } = world;
  const demand = (secret: Secret) => (isPostgres ? demandPostgres(secret, world.random) : demandMysql(secret));
  way.listener = await listenLocally({
    port,
    clock: world.clock,
    track: isPostgres ? trackPostgres : trackMysql,
    refuse: isPostgres ? refusePostgres : refuseMysql,
    ...(allowOtherUsers === true ? {} : { checkPeer: sameUserOnly() }),
    ...(password === undefined ? {} : { login: demand(password) }),
    openData: () => way.openData(),
    cutMessage: () => `sallyport: ${way.cutWords}`,
    onOpen: (number) => output.note(`Connection accepted for session [${number}]`),
    onClose: (number) => output.note(`Connection ended for session [${number}]`),
    onRefused: (number, why) => output.note(`Connection refused for session [${number}]: ${why}`),
  });
  return way;
}

class Way implements Front {
  listener: Listener | undefined;
  cutWords = cutWords;
  readonly #world: World;
  #tunnel: GrantTunnel | undefined;
  #next = Promise.withResolvers<void>();
  #reason = "access is still being set up; try again in a moment";
  #isHeld = false;
  #wanted = (): void => {};
  #came = (): void => {};

  constructor(world: World) {
    this.#world = world;
  }

  get port(): number {
    return this.listener?.port ?? 0;
  }

  open(tunnel: GrantTunnel): void {
    this.#change(tunnel, "");
  }

  shut(reason: string): void {
    this.cutWords = reason;
    this.#change(undefined, reason);
  }

  hold(reason: string): void {
    this.#tunnel = undefined;
    this.#isHeld = true;
    this.#reason = reason;
  }

  onWanted(wanted: () => void): void {
    this.#wanted = wanted;
  }

  onClient(came: () => void): void {
    this.#came = came;
  }

  async drained(withinMs: number): Promise<void> {
    await this.listener?.drained(withinMs);
  }

  async close(): Promise<void> {
    await this.listener?.close(`sallyport: ${stoppedWords}`);
  }

  async openData(): Promise<DataStream> {
    this.#came();
    const before = this.#tunnel;
    const data = await this.#open(before);
    if (data.refused?.code !== "draining") {
      return data;
    }
    // The old proxy stopped taking connections just before it said so, or just after this one was opened.
    data.stream.destroy();
    if (this.#tunnel === before) {
      this.hold(data.refused.message);
    }
    return (await this.#current()).openData();
  }

  /** A way that turns out to be dead as it is tried is no answer to the client while the next one is looked for. */
  async #open(tunnel: GrantTunnel | undefined): Promise<DataStream> {
    try {
      return await (tunnel ?? (await this.#current())).openData();
    } catch (error) {
      // The loss is told to whoever decides what follows within the same turn of the event loop.
      await setImmediate();
      if (tunnel === undefined || this.#tunnel === tunnel) {
        throw error;
      }
      return (await this.#current()).openData();
    }
  }

  /** The tunnel, or the next one where it is on its way. */
  async #current(): Promise<GrantTunnel> {
    if (this.#tunnel === undefined && this.#isHeld) {
      const late = Promise.withResolvers<void>();
      const cancel = this.#world.clock.after(heldMs, () => late.resolve());
      const next = this.#next.promise;
      this.#wanted();
      await Promise.race([next, late.promise]);
      cancel();
    }
    if (this.#tunnel === undefined) {
      throw new UserError("NotConnected", this.#reason);
    }
    return this.#tunnel;
  }

  #change(tunnel: GrantTunnel | undefined, reason: string): void {
    this.#tunnel = tunnel;
    this.#isHeld = false;
    this.#reason = reason;
    this.#next.resolve();
    this.#next = Promise.withResolvers();
  }
}
