import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { encodeMessage, encodeStartup } from "#proxy/postgres/encode.ts";
import { encodeFrame, FrameReader } from "#wire/frame.ts";
import type { FromProxy } from "#wire/handshake.ts";

/** Where a session goes. */
export interface RawTarget {
  readonly port: number;
  readonly user: string;
  readonly database: string;
  /** For the proxy's gate: the ticket of the grant handshake. */
  readonly ticket?: string;
}

/** A Query message. */
export function encodeQuery(sql: string): Buffer {
  return encodeMessage(0x51, Buffer.from(`${sql}\0`));
}

/** Protocol 3.0, which every system here speaks. */
const version30 = 3 << 16;
/** All sessions read into the same memory: nothing is kept, and the reader costs little beside what is measured. */
const readBuffer = Buffer.allocUnsafeSlow(256 * 1024);
const errorType = 0x45;

/**
 * A Postgres client that only counts bytes: cheap enough not to be what is measured. It needs to log in without a password, and to
 * know how many bytes an answer has.
 */
export class RawSession {
  readonly socket: Socket;
  /** Bytes that have arrived, and the last of them. */
  #received = 0;
  #last: Buffer = Buffer.alloc(0);
  #waiting: { readonly until: number; readonly done: () => void } | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
  }

  /** Connects and logs in. Rejects with what the other side said, or that it closed. */
  static async open(target: RawTarget): Promise<RawSession> {
    const taking: { session?: RawSession } = {};
    const socket = connect({
      port: target.port,
      host: "127.0.0.1",
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (count, bytes) => {
          taking.session?.take(bytes as Buffer, count);
          return true;
        },
      },
    });
    const session = new RawSession(socket);
    taking.session = session;
    await once(socket, "connect");
    socket.on("error", () => {});
    if (target.ticket !== undefined) {
      await session.#handshake(target.ticket);
    }
    const startup = encodeStartup(
      new Map([
        ["user", target.user],
        ["database", target.database],
      ]),
      version30,
    );
    socket.write(startup);
    await session.#untilReady();
    return session;
  }

  /** Sends a query whose answer has that many bytes, and resolves when they have arrived. */
  async query(sql: string, answerBytes: number): Promise<void> {
    const arrived = this.arrival(answerBytes);
    this.socket.write(encodeQuery(sql));
    await arrived;
  }

  /** Resolves when so many more bytes have arrived; rejects when the connection ends before. */
  arrival(bytes: number): Promise<void> {
    const until = this.#received + bytes;
    return this.#closing(new Promise((done) => (this.#waiting = { until, done })));
  }

  close(): void {
    this.socket.destroy();
  }

  private take(bytes: Buffer, count: number): void {
    this.#received += count;
    if (this.#waiting === undefined) {
      this.#last = Buffer.concat([this.#last, bytes.subarray(0, count)]);
      this.#onBytes();
      return;
    }
    if (this.#received >= this.#waiting.until) {
      const { done } = this.#waiting;
      this.#waiting = undefined;
      this.#last = Buffer.alloc(0);
      done();
    }
  }

  #onBytes: () => void = () => {};

  async #handshake(ticket: string): Promise<void> {
    const frames = new FrameReader();
    const next = async (): Promise<FromProxy> => {
      for (;;) {
        frames.push(this.#last);
        this.#last = Buffer.alloc(0);
        const message = frames.next();
        if (message !== undefined) {
          return message as FromProxy;
        }
        await this.#closing(new Promise<void>((resolve) => (this.#onBytes = resolve)));
      }
    };
    await next();
    this.socket.write(encodeFrame({ type: "open", ticket }));
    const answer = await next();
    if (answer.type !== "welcome") {
      throw new Error(`the gate refused: ${"message" in answer ? answer.message : answer.type}`);
    }
  }

  /** A login's answers end with ReadyForQuery: `Z`, length 5, idle. */
  async #untilReady(): Promise<void> {
    const ready = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);
    while (!this.#last.subarray(-ready.length).equals(ready)) {
      if (this.#last[0] === errorType) {
        throw new Error(`the server refused: ${this.#last.toString("latin1")}`);
      }
      await this.#closing(new Promise<void>((resolve) => (this.#onBytes = resolve)));
    }
    this.#last = Buffer.alloc(0);
  }

  async #closing<T>(promise: Promise<T>): Promise<T> {
    const closed = Promise.withResolvers<never>();
    const onClose = (): void => closed.reject(new Error("the connection was closed"));
    this.socket.once("close", onClose);
    try {
      return await Promise.race([promise, closed.promise]);
    } finally {
      this.socket.off("close", onClose);
    }
  }
}
