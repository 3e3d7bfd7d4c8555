import type { Socket } from "node:net";
import { isIPv4 } from "node:net";
import { WebSocket, type ClientOptions } from "ws";
import type { CancelTimer, Clock } from "#lib/clock.ts";
import type { Secret } from "#lib/secret.ts";
import { printable } from "./exchange.ts";
import { clientVersion } from "./handshake.ts";
import { identifierText } from "./identifier.ts";
import type { TunnelLimits } from "./limits.ts";

/** Why a websocket is gone, or never came to be. Holds no secret. */
export interface LinkLoss {
  /** Whether it was ever open. */
  readonly opened: boolean;
  /** HTTP status with which the upgrade was refused. */
  readonly status?: number;
  /** Websocket close code (RFC 6455 section 7.4); 1006 when there was no close frame. */
  readonly code?: number;
  /** What is known in words: the service's reason or the system's error; may be empty. */
  readonly detail: string;
}

/** One websocket to the SSM message service, and how to open it. */
export interface LinkOptions {
  readonly streamUrl: string;
  readonly token: Secret;
  /** UUID of this client, the same for all websockets of a tunnel. */
  readonly clientID: string;
  readonly nextID: () => Uint8Array;
  /** Extra headers of the upgrade: its signature. */
  readonly headers: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly limits: TunnelLimits;
  /** Called once, in the same turn in which the websocket opened and the token was sent. */
  readonly onOpen: (link: Link) => void;
  readonly onMessage: (bytes: Buffer) => void;
  /** A ping was answered. */
  readonly onAnswer: () => void;
  /** Called exactly once, at the end, unless `abandon` was called. */
  readonly onClosed: (loss: LinkLoss) => void;
}

const frameOptions = { binary: true, compress: false };

/**
 * One websocket. It opens within `connectTimeoutMs` or is lost, is pinged, and is lost when a ping is not answered while
 * it is being read.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #websocket: WebSocket;
  #socket: Socket | undefined;
  #corked = false;
  #opened = false;
  #over = false;
  #detail = "";
  #status: number | undefined;
  #held = false;
  #awaitingPong = false;
  /** When the deadline of the answer that is due began, when it ends, and when something came last; by the monotonic clock. */
  #pongFromMs = 0;
  #pongDueMs = 0;
  #heardMs = 0;
  #cancelConnect: CancelTimer | undefined;
  #cancelPing: CancelTimer | undefined;
  #cancelPong: CancelTimer | undefined;

  /** Starts to connect. Throws where the URL is none that a token may be sent to. */
  constructor(options: LinkOptions) {
    this.#options = options;
    // The type package does not know `closeTimeout` yet; without it the library waits 30 s.
    const settings: ClientOptions & { closeTimeout: number } = {
      headers: options.headers,
      perMessageDeflate: false,
      followRedirects: false,
      maxPayload: options.limits.messageBytesMax,
      closeTimeout: closeTimeoutMs,
    };
    this.#websocket = new WebSocket(trustedURL(options.streamUrl), settings);
    this.#cancelConnect = options.clock.after(options.limits.connectTimeoutMs, () => {
      this.#fail("no connection in time");
    });
    this.#listen();
  }

  /** Sends one message. What is sent within one turn of the event loop leaves in one write. */
  send(bytes: Buffer): void {
    if (this.#over || this.#websocket.readyState !== WebSocket.OPEN) {
      return;
    }
    this.#cork();
    this.#websocket.send(bytes, frameOptions);
  }

  /** Stops or restarts reading, and with it the far end's sending. */
  hold(held: boolean): void {
    this.#held = held;
    if (held) {
      this.#websocket.pause();
      // An answer cannot be seen now, so its absence proves nothing.
      this.#cancelPong?.();
      this.#cancelPong = undefined;
    } else {
      this.#websocket.resume();
      this.#armPong();
    }
  }

  /** Pings now, unless an answer is due already; it is due within this time. */
  probe(withinMs = this.#options.limits.pongTimeoutMs): void {
    if (this.#over || this.#websocket.readyState !== WebSocket.OPEN) {
      return;
    }
    if (!this.#awaitingPong) {
      this.#awaitingPong = true;
      this.#websocket.ping();
    }
    this.#armPong(withinMs);
  }

  /** Cuts the websocket as if it were lost. */
  replace(): void {
    this.#fail("no acknowledgement for too long");
  }

  /** Closes in order; `onClosed` is not called any more. Resolves when the socket is gone, within `closeTimeoutMs`. */
  abandon(): Promise<void> {
    this.#finish();
    const websocket = this.#websocket;
    if (websocket.readyState === WebSocket.CLOSED) {
      return Promise.resolve();
    }
    const gone = new Promise<void>((resolve) => {
      websocket.once("close", () => resolve());
    });
    websocket.resume();
    websocket.close(1000);
    return gone;
  }

  #listen(): void {
    const websocket = this.#websocket;
    websocket.on("upgrade", (response) => {
      this.#socket = response.socket;
    });
    websocket.on("unexpected-response", (request, response) => {
      this.#status = response.statusCode;
      response.resume();
      request.destroy();
      this.#lost();
    });
    websocket.on("open", () => this.#onOpen());
    websocket.on("message", (data) => {
      if (!this.#over) {
        this.#heardMs = this.#options.clock.monotonicMs();
        this.#options.onMessage(data as Buffer);
      }
    });
    websocket.on("pong", () => {
      this.#awaitingPong = false;
      this.#cancelPong?.();
      this.#cancelPong = undefined;
      if (!this.#over) {
        this.#options.onAnswer();
      }
    });
    websocket.on("error", (error) => {
      this.#detail = error.message;
    });
    websocket.on("close", (code, reason) => this.#lost(code, reason.toString("utf8")));
  }

  #onOpen(): void {
    if (this.#over) {
      return;
    }
    this.#cancelConnect?.();
    this.#opened = true;
    const { token, clientID, nextID } = this.#options;
    this.#websocket.send(
      JSON.stringify({
        MessageSchemaVersion: "1.0",
        RequestId: identifierText(nextID()),
        TokenValue: token.reveal(),
        ClientId: clientID,
        ClientVersion: clientVersion,
      }),
    );
    this.#armPing();
    this.#options.onOpen(this);
  }

  #cork(): void {
    const socket = this.#socket;
    if (this.#corked || socket === undefined) {
      return;
    }
    this.#corked = true;
    socket.cork();
    process.nextTick(() => {
      this.#corked = false;
      socket.uncork();
    });
  }

  #armPing(): void {
    this.#cancelPing = this.#options.clock.after(this.#options.limits.pingIntervalMs, () => {
      this.probe();
      this.#armPing();
    });
  }

  /** Of two deadlines the earlier one holds. */
  #armPong(withinMs = this.#options.limits.pongTimeoutMs): void {
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const isLater = this.#cancelPong !== undefined && nowMs + withinMs >= this.#pongDueMs;
    if (this.#over || this.#held || !this.#awaitingPong || isLater) {
      return;
    }
    this.#cancelPong?.();
    this.#pongFromMs = nowMs;
    this.#pongDueMs = nowMs + withinMs;
    this.#cancelPong = clock.after(withinMs, () => {
      this.#cancelPong = undefined;
      // The answer may stand behind much that is still arriving. What came first of all may be from before a sleep, and proves nothing.
      if (this.#heardMs > this.#pongFromMs + withinMs / 2) {
        this.#armPong();
      } else {
        this.#fail("no answer to a ping");
      }
    });
  }

  #fail(detail: string): void {
    this.#detail = detail;
    this.#websocket.terminate();
    this.#lost(1006);
  }

  #lost(code?: number, reason = ""): void {
    if (this.#over) {
      return;
    }
    this.#finish();
    this.#options.onClosed({
      opened: this.#opened,
      ...(this.#status === undefined ? {} : { status: this.#status }),
      ...(code === undefined ? {} : { code }),
      detail: printable(reason === "" ? this.#detail : reason).slice(0, 200),
    });
  }

  #finish(): void {
    this.#over = true;
    this.#cancelConnect?.();
    this.#cancelPing?.();
    this.#cancelPong?.();
  }
}

/** The other end has this long to answer a close frame, milliseconds; nothing waits for it. */
const closeTimeoutMs = 1_000;

/** The token travels in the first frame: only over TLS, or in the clear to this machine (the sandbox). */
function trustedURL(streamUrl: string): URL {
  const url = URL.parse(streamUrl);
  if (url === null) {
    throw new Error("the stream URL is not a URL");
  }
  const loopback = url.hostname === "localhost" || url.hostname === "[::1]" || isLoopbackV4(url.hostname);
  if (url.protocol === "wss:" || (url.protocol === "ws:" && loopback)) {
    return url;
  }
  throw new Error("the stream URL is neither wss nor on this machine");
}

function isLoopbackV4(host: string): boolean {
  return isIPv4(host) && host.startsWith("127.");
}
