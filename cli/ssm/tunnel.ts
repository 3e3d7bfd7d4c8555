import type { CancelTimer } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import { Channel, type ChannelEnd } from "./channel.ts";
import { within } from "./deadline.ts";
import { Exchange, printable } from "./exchange.ts";
import { brokenError, closedError, connectFailure, connectTimeout, endedEarly, lostError } from "./failure.ts";
import { customerMessage, decideHandshake } from "./handshake.ts";
import { defaultLimits, type TunnelLimits } from "./limits.ts";
import type { LinkLoss } from "./link.ts";
import { flags, payloadTypes } from "./message.ts";
import { Mux } from "./mux.ts";
import type { Tunnel, TunnelClosed, TunnelOptions, TunnelStats } from "./options.ts";
import { ProtocolError } from "./protocol-error.ts";
import type { Stream } from "./stream.ts";

/** Where a tunnel is in its life. `handshake` has two parts: before and after this client's answer. */
type Stage = "connecting" | "handshake" | "answered" | "open" | "closing" | "closed";

/**
 * Opens a tunnel: connects the websocket and does the handshake, both within `connectTimeoutMs` together. Never hangs. Rejects
 * with UserError; the session is terminated then.
 */
export async function openTunnel(options: TunnelOptions): Promise<Tunnel> {
  const tunnel = new SessionTunnel(options);
  await tunnel.start();
  return tunnel;
}

class SessionTunnel implements Tunnel {
  readonly sessionID: string;
  readonly closed: Promise<TunnelClosed>;
  agentVersion = "";
  customerMessage = "";
  readonly #options: TunnelOptions;
  readonly #limits: TunnelLimits;
  readonly #channel: Channel;
  readonly #exchange: Exchange;
  readonly #mux: Mux;
  readonly #ready = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<TunnelClosed>();
  /** While closing: whether the agent has acknowledged everything, or can no longer be told (false). */
  readonly #told = Promise.withResolvers<boolean>();
  #stage: Stage = "connecting";
  #end: TunnelClosed | undefined;
  #closing: Promise<void> | undefined;
  /** Settles when the last socket is gone. */
  #released: Promise<void> | undefined;
  #up = false;
  #bytesSent = 0;
  #bytesReceived = 0;
  #heardMs: number;

  constructor(options: TunnelOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.sessionID = options.session.sessionID;
    this.closed = this.#over.promise;
    this.#heardMs = options.clock.monotonicMs();
    this.#channel = this.#createChannel();
    this.#exchange = this.#createExchange();
    this.#mux = new Mux(
      {
        clock: options.clock,
        hasRoom: () => this.#exchange.sender.hasRoom,
        send: (payload) => this.#sendData(payload),
        holdInput: (held) => this.#holdInput(held),
      },
      this.#limits,
    );
  }

  async start(): Promise<void> {
    const cancelDeadline: CancelTimer = this.#options.clock.after(this.#limits.connectTimeoutMs, () => {
      const stage = this.#stage === "connecting" ? "websocket" : "handshake";
      this.#ready.reject(connectTimeout(stage, this.#limits.connectTimeoutMs));
    });
    try {
      const opening = this.#channel.open(this.#options.session).then((loss) => {
        if (loss !== undefined) {
          this.#ready.reject(connectFailure(loss));
        }
      });
      await Promise.all([this.#ready.promise, opening]);
    } catch (error) {
      this.#finish({ reason: "broken" });
      await Promise.all([this.#released, this.#callTerminate()]);
      throw error;
    } finally {
      cancelDeadline();
    }
  }

  async open(): Promise<Stream> {
    return this.#mux.open();
  }

  probe(withinMs: number): Promise<void> {
    return this.#channel.probe(withinMs);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  stats(): TunnelStats {
    const { sender } = this.#exchange;
    return {
      streams: this.#mux.streamCount,
      bytesSent: this.#bytesSent,
      bytesReceived: this.#bytesReceived,
      messagesSent: sender.nextSequence,
      messagesResent: sender.resent,
      duplicates: this.#exchange.duplicates,
      invalidMessages: this.#exchange.invalid,
      unacknowledgedBytes: sender.unacknowledgedBytes,
      roundTripMs: sender.roundTripMs,
      resumed: this.#channel.resumed,
      heardMs: this.#heardMs,
    };
  }

  async #close(): Promise<void> {
    if (this.#end !== undefined) {
      await this.#released;
      return;
    }
    this.#stage = "closing";
    const end: TunnelClosed = { reason: "terminated" };
    this.#mux.end(closedError(end));
    let told = false;
    if (this.#up) {
      const flag = Buffer.alloc(4);
      flag.writeUInt32BE(flags.terminateSession);
      this.#exchange.sender.send(payloadTypes.flag, [flag]);
      const answered = Promise.race([this.#told.promise, this.closed.then(() => true)]);
      const { clock } = this.#options;
      told = await within(clock, this.#limits.terminateWaitMs, answered, () => new Error()).catch(() => false);
    }
    this.#finish(end);
    await Promise.all([this.#released, told ? undefined : this.#callTerminate()]);
  }

  async #callTerminate(): Promise<void> {
    const { clock, terminate, log } = this.#options;
    try {
      const late = (): Error => new Error("TerminateSession took too long");
      await within(clock, this.#limits.callTimeoutMs, terminate(), late);
    } catch (error) {
      log.warn("session could not be terminated", { error: coerceError(error) });
    }
  }

  #createChannel(): Channel {
    const { clock, random, log, resume, signUpgrade } = this.#options;
    return new Channel(
      {
        clock,
        random,
        log,
        resume,
        signUpgrade: signUpgrade ?? (async () => ({})),
        onUp: () => {
          this.#up = true;
          if (this.#stage === "connecting") {
            this.#stage = "handshake";
          }
          this.#exchange.sender.connected();
        },
        onDown: (loss) => this.#onDown(loss),
        onMessage: (bytes) => this.#onBytes(bytes),
        onEnd: (end) => this.#onChannelEnd(end),
      },
      this.#limits,
    );
  }

  #createExchange(): Exchange {
    const { clock, random, log } = this.#options;
    return new Exchange(
      {
        clock,
        random,
        log,
        transmit: (bytes) => this.#channel.send(bytes),
        onRoom: () => this.#mux.pump(),
        onIdle: () => {
          if (this.#stage === "closing") {
            this.#told.resolve(true);
          }
        },
        onStall: (remedy) => (remedy === "probe" ? void this.#channel.probe() : this.#channel.replace()),
        onMessage: (payloadType, payload) => this.#onMessage(payloadType, payload),
        onChannelClosed: (output) => this.#onChannelClosed(output),
      },
      this.#limits,
    );
  }

  #onDown(loss: LinkLoss): void {
    this.#up = false;
    this.#exchange.sender.disconnected();
    if (this.#stage === "closing") {
      this.#told.resolve(false);
    }
    if (this.#stage === "handshake" || this.#stage === "answered") {
      this.#ready.reject(connectFailure(loss));
    }
  }

  #onBytes(bytes: Buffer): void {
    this.#heardMs = this.#options.clock.monotonicMs();
    try {
      this.#exchange.receive(bytes);
    } catch (error) {
      if (!(error instanceof ProtocolError)) {
        throw error;
      }
      this.#break(error);
    }
  }

  #break(error: ProtocolError): void {
    const broken = brokenError(error.message);
    this.#ready.reject(broken);
    this.#finish({ reason: "broken", error: broken });
    void this.#callTerminate();
  }

  #onMessage(payloadType: number, payload: Buffer): void {
    switch (payloadType) {
      case payloadTypes.handshakeRequest:
        this.#answerHandshake(payload);
        return;
      case payloadTypes.handshakeComplete:
        this.#completeHandshake(payload);
        return;
      case payloadTypes.output:
        if (this.#stage === "closing") {
          return;
        }
        if (this.#stage !== "open") {
          throw new ProtocolError("data message before the end of the handshake");
        }
        this.#bytesReceived += payload.length;
        this.#mux.receive(payload);
        return;
      case payloadTypes.flag:
        if (payload.length >= 4 && payload.readUInt32BE(0) === flags.connectToPortError) {
          this.#mux.connectFailed();
        }
        return;
      default:
        this.#options.log.debug("payload type ignored", { payloadType });
    }
  }

  #answerHandshake(payload: Buffer): void {
    if (this.#stage !== "handshake") {
      return;
    }
    const verdict = decideHandshake(payload);
    this.#stage = "answered";
    this.agentVersion = printable(verdict.agentVersion);
    this.#exchange.sender.send(payloadTypes.handshakeResponse, [verdict.response]);
    if (verdict.refusal !== undefined) {
      this.#ready.reject(verdict.refusal);
    }
  }

  #completeHandshake(payload: Buffer): void {
    if (this.#stage !== "answered") {
      throw new ProtocolError("handshake completed out of turn");
    }
    this.customerMessage = printable(customerMessage(payload));
    this.#stage = "open";
    this.#ready.resolve();
  }

  #sendData(payload: readonly Uint8Array[]): void {
    for (const piece of payload) {
      this.#bytesSent += piece.length;
    }
    this.#exchange.sender.send(payloadTypes.output, payload);
  }

  #holdInput(held: boolean): void {
    this.#channel.hold(held);
    this.#exchange.sender.setBlind(held);
  }

  #onChannelClosed(output: string): void {
    this.#ready.reject(endedEarly(output));
    const closing = this.#stage === "closing";
    this.#finish({ reason: closing ? "terminated" : "ended-by-service", ...(output === "" ? {} : { output }) });
  }

  #onChannelEnd(end: ChannelEnd): void {
    if (end.kind === "timed-out") {
      this.#finish({ reason: "timed-out" });
      return;
    }
    const error = end.refusal ?? lostError(end.detail, this.#limits.resumeAttempts);
    this.#finish({ reason: "lost", error });
    // The service may have the session still open, and with it what it reaches.
    void this.#callTerminate();
  }

  #finish(end: TunnelClosed): void {
    if (this.#end !== undefined) {
      return;
    }
    this.#end = end;
    this.#stage = "closed";
    const error = closedError(end);
    // Ended in order, streams still give what they hold: the proxy's last words say why. Otherwise they fail.
    const orderly = end.reason === "ended-by-service" || end.reason === "terminated";
    this.#mux.end(error, orderly ? undefined : error);
    this.#exchange.sender.stop();
    this.#released = this.#channel.close();
    this.#over.resolve(end);
  }
}
