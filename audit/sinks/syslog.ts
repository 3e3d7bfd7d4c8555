import { once } from "node:events";
import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTLS } from "node:tls";
import { type Clock, pause } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import { SinkFailure } from "./failure.ts";
import type { RecordLine } from "./record-line.ts";
import type { DeliveryContext, Sink, SinkItem } from "./sink.ts";
import { framed, type SyslogFormat, syslogMessages } from "./syslog-message.ts";
import { isCertificateFailure, type TlsFiles, tlsOptions } from "./tls.ts";

export interface SyslogOptions {
  readonly host: string;
  readonly port: number;
  /** Absent: in the clear. */
  readonly tls?: TlsFiles | undefined;
  readonly format: SyslogFormat;
  /**
   * What counts as a confirmation, since syslog has none. `written`: everything was handed to the network, and for a second the
   * receiver neither reset nor ended the connection. `close`: then we end it, and the receiver does so in turn without a reset, which it
   * only can when it has read everything.
   */
  readonly confirm: "close" | "written";
  readonly clock: Clock;
}

const connectTimeoutMs = 10_000;
/** A receiver that has read everything notices the end at once. */
const closeTimeoutMs = 15_000;
/** A reset comes within a round trip. */
const objectionMs = 1_000;
/** Of messages that are handed to the socket at once. */
const chunkBytes = 65_536;

/** RFC 5424 messages with octet counting over TCP or TLS. Every batch has a connection of its own, so a broken one repeats one batch. */
export class SyslogSink implements Sink<RecordLine> {
  readonly #options: SyslogOptions;

  constructor(options: SyslogOptions) {
    this.#options = options;
  }

  async deliver(items: readonly SinkItem<RecordLine>[], { signal }: DeliveryContext): Promise<void> {
    const { host, port, format } = this.#options;
    let socket: Socket | undefined;
    const abort = (): void => void socket?.destroy(new Error("the delivery was ended"));
    signal.addEventListener("abort", abort);
    try {
      socket = await this.#connect();
      const closed = endOf(socket);
      await Promise.race([this.#write(socket, messagesOf(items, format)), closed.failed]);
      await this.#confirmed(socket, closed);
    } catch (thrown) {
      const error = coerceError(thrown) as NodeJS.ErrnoException;
      const kind = isCertificateFailure(error) ? "refused" : "unreachable";
      throw thrown instanceof SinkFailure
        ? thrown
        : new SinkFailure(kind, `${host}:${port}: ${error.message}`, { cause: thrown });
    } finally {
      signal.removeEventListener("abort", abort);
      socket?.destroy();
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #connect(): Promise<Socket> {
    const { host, port, tls, clock } = this.#options;
    const secure = tls === undefined ? undefined : await tlsOptions(tls);
    const socket =
      secure === undefined
        ? connectPlain({ host, port })
        : connectTLS({ ...secure, host, port, ...(/^[\d.:]+$/.test(host) ? {} : { servername: host }) });
    const cancel = clock.after(connectTimeoutMs, () => socket.destroy(new Error("no connection in time")));
    try {
      await once(socket, secure === undefined ? "connect" : "secureConnect");
      return socket;
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      cancel();
    }
  }

  async #write(socket: Socket, messages: Iterable<string>): Promise<void> {
    let chunk = "";
    for (const message of messages) {
      chunk += framed(message);
      if (chunk.length >= chunkBytes) {
        await written(socket, chunk);
        chunk = "";
      }
    }
    await written(socket, chunk);
  }

  async #confirmed(socket: Socket, closed: SocketEnd): Promise<void> {
    const { confirm, clock } = this.#options;
    // An end before ours does not say that everything was read; nor does one that crosses ours, which is why ours comes later.
    await Promise.race([pause(clock, objectionMs), closed.failed, closed.orderly.then(() => Promise.reject(early()))]);
    if (confirm === "written") {
      return;
    }
    socket.end();
    const late = new AbortController();
    try {
      await Promise.race([
        closed.orderly,
        closed.failed,
        pause(clock, closeTimeoutMs, late.signal).then(() => {
          throw new Error(`the receiver did not end the connection within ${closeTimeoutMs / 1_000} s of our end`);
        }),
      ]);
    } finally {
      late.abort();
    }
  }
}

/** How a connection ends. */
interface SocketEnd {
  /** The other side has ended it in its turn, without a reset. */
  readonly orderly: Promise<void>;
  readonly failed: Promise<never>;
}

function endOf(socket: Socket): SocketEnd {
  const orderly = Promise.withResolvers<void>();
  const failed = Promise.withResolvers<never>();
  // Whoever waits for one of them does not wait for the other.
  failed.promise.catch(() => {});
  socket.on("error", failed.reject);
  socket.on("end", () => orderly.resolve());
  socket.on("close", () => failed.reject(new Error("the connection was lost")));
  // What a receiver may say is of no use, and unread it would keep the end from being seen.
  socket.resume();
  return { orderly: orderly.promise, failed: failed.promise };
}

function early(): Error {
  return new Error("the receiver ended the connection");
}

function written(socket: Socket, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(text, "utf8", (error) => (error ? reject(error) : resolve()));
  });
}

function* messagesOf(items: readonly SinkItem<RecordLine>[], format: SyslogFormat): Generator<string> {
  for (const { value } of items) {
    yield* syslogMessages(value, format);
  }
}
