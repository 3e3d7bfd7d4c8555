import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { pipeline } from "node:stream";
import type { CancelTimer, Clock } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";
import { type Address, formatAddress } from "../option-values.ts";
import { listenAt } from "../serve/listen.ts";

/**
 * Connections that are passed on or wait at one time. A replica that does not lead holds two sockets and at most 256 KiB for each: 256
 * MiB. An installation has tens of proxies, and a person one connection per command.
 */
export const passedOnMax = 1_024;

/**
 * How long, in milliseconds, a connection waits for a leader to be found before it is closed: below the 10 s that a proxy gives a
 * connection (`proxy/link/pin.ts`), so that it finds the new leader without a try in vain.
 */
export const leaderWaitMs = 8_000;

/** How often, in milliseconds, what waits and what is passed on is compared with who leads now. */
export const lookPeriodMs = 250;

/** A peer in the same cluster answers in milliseconds. */
const peerConnectTimeoutMs = 3_000;

/** Pause before the kernel probes a quiet connection, as on the connections to the API server. */
const tcpKeepAliveMs = 30_000;

export interface DoorOptions {
  /** Where people and proxies connect. */
  readonly listen: Address;
  /** Where other replicas pass connections on to this one; absent: nowhere. */
  readonly peerListen?: Address | undefined;
  /** Where the leader takes them; undefined while it is this replica, or not known. */
  readonly leader: () => Address | undefined;
  /** Serves a connection here. */
  readonly accept: (socket: Socket) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The port of one replica. The leader serves what comes. Any other passes the bytes of a connection on to the leader as they are: TLS
 * goes from end to end, and all replicas have the same certificate. So people and proxies may come to any replica, and what only one
 * replica can know (links, sessions of people, the audit trail) is in one place. What arrives at the peers' port is never passed on
 * again, so that nothing can go in circles.
 */
export class Door {
  readonly #options: DoorOptions;
  readonly #servers: Server[] = [];
  readonly #all = new Set<Socket>();
  /** What waits for a leader: since when, and whether it may be passed on. */
  readonly #waiting = new Map<Socket, { readonly sinceMs: number; readonly isPeer: boolean }>();
  readonly #passedOn = new Map<Socket, string>();
  #isServing = false;
  #cancelLook: CancelTimer = () => {};

  /** Starts listening. Rejects with a `UserError` where an address cannot be had. */
  static async open(options: DoorOptions): Promise<Door> {
    const door = new Door(options);
    try {
      await door.#listen("listen", options.listen, false);
      if (options.peerListen !== undefined) {
        await door.#listen("peer-listen", options.peerListen, true);
      }
    } catch (error) {
      await door.close();
      throw error;
    }
    return door;
  }

  private constructor(options: DoorOptions) {
    this.#options = options;
  }

  /** Port at which people and proxies connect. */
  get port(): number {
    return portOf(this.#servers[0]);
  }

  /** Port at which other replicas pass connections on; 0 where there is none. */
  get peerPort(): number {
    return portOf(this.#servers[1]);
  }

  /** Connections that wait for a leader, and that are passed on to one. */
  stats(): { readonly waiting: number; readonly passedOn: number } {
    return { waiting: this.#waiting.size, passedOn: this.#passedOn.size };
  }

  /** From now on this replica serves: what waits, and what comes. */
  serve(): void {
    this.#isServing = true;
    for (const socket of this.#passedOn.keys()) {
      // Its leader is gone. Whoever it is comes back, to this one.
      socket.destroy();
    }
    this.#look();
  }

  /** Stops listening and ends every connection. */
  async close(): Promise<void> {
    this.#cancelLook();
    const closed = this.#servers.map(async (server) => {
      if (server.listening) {
        server.close();
        await once(server, "close");
      }
    });
    for (const socket of this.#all) {
      socket.destroy();
    }
    await Promise.all(closed);
  }

  async #listen(flag: string, address: Address, isPeer: boolean): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#take(socket, isPeer));
    this.#servers.push(server);
    await listenAt(server, address, flag);
  }

  #take(socket: Socket, isPeer: boolean): void {
    this.#all.add(socket);
    socket.on("close", () => {
      this.#all.delete(socket);
      this.#waiting.delete(socket);
      this.#passedOn.delete(socket);
    });
    if (this.#isServing) {
      this.#options.accept(socket);
      return;
    }
    socket.on("error", () => socket.destroy());
    if (this.#waiting.size + this.#passedOn.size >= passedOnMax) {
      socket.destroy();
      return;
    }
    this.#waiting.set(socket, { sinceMs: this.#options.clock.monotonicMs(), isPeer });
    this.#look();
  }

  /** Sees to what waits, and drops what was passed on to a replica that does not lead any more. */
  #look(): void {
    this.#cancelLook();
    const { clock, accept, leader } = this.#options;
    const address = this.#isServing ? undefined : leader();
    for (const [socket, { sinceMs, isPeer }] of this.#waiting) {
      if (this.#isServing) {
        this.#waiting.delete(socket);
        accept(socket);
      } else if (address !== undefined && !isPeer) {
        this.#waiting.delete(socket);
        this.#passOn(socket, address);
      } else if (clock.monotonicMs() - sinceMs >= leaderWaitMs) {
        socket.destroy();
      }
    }
    const current = address === undefined ? undefined : formatAddress(address);
    for (const [socket, to] of this.#passedOn) {
      if (current !== undefined && to !== current) {
        socket.destroy();
      }
    }
    if (this.#waiting.size + this.#passedOn.size > 0) {
      this.#cancelLook = clock.after(lookPeriodMs, () => this.#look());
    }
  }

  #passOn(socket: Socket, address: Address): void {
    const { clock, log } = this.#options;
    this.#passedOn.set(socket, formatAddress(address));
    const onwards = connect({ ...address, allowHalfOpen: true, noDelay: true });
    const cancel = clock.after(peerConnectTimeoutMs, () => onwards.destroy(new Error("no answer in time")));
    onwards.on("connect", cancel);
    onwards.on("close", cancel);
    onwards.on("error", (error) => {
      log.debug("a connection to the leader ended", { leader: formatAddress(address), error });
    });
    for (const each of [socket, onwards]) {
      each.setKeepAlive(true, tcpKeepAliveMs);
    }
    pipeline(socket, onwards, () => {});
    pipeline(onwards, socket, () => {});
    socket.on("close", () => onwards.destroy());
  }
}

function portOf(server: Server | undefined): number {
  const address = server?.address() as AddressInfo | null | undefined;
  return address?.port ?? 0;
}
