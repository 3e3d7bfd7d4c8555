import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { coerceError } from "#lib/errors.ts";

/** A loopback address that no other task has, on this machine, until it is released. */
export interface LoopbackAddress {
  readonly address: string;
  release(): void;
}

/** First address: 127.64.0.1, as a number. The range 127.64.0.0/10 is ours by convention only. */
const first = 0x7f_40_00_01;
const last = 0x7f_7f_ff_fe;

/** A UDP port that is held on the address while it is taken, so that sandboxes of other processes see it. TCP stays free. */
const reservationPort = 47_064;

/** How many addresses in a row may be found taken before something else must be wrong. */
const attemptsMax = 4_096;

/** Gives out loopback addresses, from 127.64.0.1 upward, as a network namespace gives each task its own `localhost`. */
export class LoopbackAddresses {
  #next = first;

  /** Takes the next free address. Rejects when the machine has none, as macOS does until addresses are added to lo0. */
  async reserve(): Promise<LoopbackAddress> {
    let reason: unknown;
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      const address = dotted(this.#next);
      this.#next = this.#next >= last ? first : this.#next + 1;
      try {
        const socket = await hold(address);
        return { address, release: () => void socket.close() };
      } catch (error) {
        reason = error;
        if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") {
          break;
        }
      }
    }
    throw new Error(`no loopback address is free: ${coerceError(reason).message}`, { cause: reason });
  }
}

function hold(address: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    socket.once("error", reject);
    socket.bind({ address, port: reservationPort, exclusive: true }, () => {
      socket.off("error", reject);
      socket.on("error", () => {});
      socket.unref();
      resolve(socket);
    });
  });
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join(".");
}
