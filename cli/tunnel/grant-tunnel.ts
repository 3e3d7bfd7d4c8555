import type { Duplex } from "node:stream";
import type { CancelTimer, Clock } from "#lib/clock.ts";
import { coerceError, UserError } from "#lib/errors.ts";
import { Secret } from "#lib/secret.ts";
import type { ConnectInfo } from "#wire/control-api.ts";
import { type Drain, type End, type FromProxy, handshakeVersion, type Refuse, type Warning } from "#wire/handshake.ts";
import { createProof, type ProofCredentials } from "#wire/proof.ts";
import { type FrameStream, frameStream } from "./frames.ts";

/** A stream to the proxy's port through the SSM session; each is a new connection at the far end. */
export type OpenStream = () => Promise<Duplex>;

export interface GrantTunnelOptions {
  readonly open: OpenStream;
  readonly info: ConnectInfo;
  readonly credentials: ProofCredentials;
  readonly clock: Clock;
  /** Shown in the audit record, such as `sallyport/0.1.0 linux`. */
  readonly client: string;
  readonly onWarning: (warning: Warning) => void;
  /** When anything came last through the SSM session, by the monotonic clock; absent: nothing is known of that. */
  readonly heardMs?: () => number;
}

/** Why a grant's tunnel is over: the proxy said so, or the stream broke. */
export type GrantTunnelEnd = { readonly end: End } | { readonly broken: Error };

/** A stream on which the database protocol can begin, or on which the proxy will say in that protocol why not. */
export interface DataStream {
  readonly stream: Duplex;
  readonly refused?: Refuse;
}

/** A proven tunnel: one control stream, and data streams as they are needed. */
export interface GrantTunnel {
  /** Opens a stream for one database connection. Rejects with a `UserError`. */
  openData(): Promise<DataStream>;
  /** Settles when the proxy asks for another tunnel for what is new; this one goes on for what is open. */
  readonly draining: Promise<Drain>;
  /** Resolves as soon as no data stream is open, which may be at once. */
  idle(): Promise<void>;
  /** Finds out within `probeTimeoutMs` whether the proxy is still there; the tunnel is broken where it is not. */
  probe(): void;
  /** Settles when the control stream is over, whatever the cause; never rejects. */
  readonly ended: Promise<GrantTunnelEnd>;
  close(): void;
}

/**
 * A ping that is not answered within this time has found a dead tunnel. SSM's own idle timeout is 20 minutes. After a change of network the SSM
 * session finds its dead websocket within 30 s (cli/ssm/limits.ts: `stallProbeMs` and `pongTimeoutMs`) and resumes with everything that is open in
 * it, so the tunnel is not given up before that.
 */
export const pingPeriodMs = 30_000;
export const pongTimeoutMs = 45_000;
/**
 * The same for a probe: somebody has reason to doubt the tunnel. It is asked for when the SSM session is known to work, so this is for one round
 * trip to the task, with room for lost packets. Not the only judge: what still arrives keeps the tunnel alive.
 */
export const probeTimeoutMs = 8_000;
/** The greeting is sent as soon as the far end accepts; the answer to a proof takes a call to STS, which the proxy gives 10 s. */
export const answerTimeoutMs = 20_000;

/**
 * Proves the person to the proxy on a control stream and keeps it open. The proof is bound to the proxy's name as the control
 * API gave it, so a proof that a false proxy obtains is worthless at the true one. Rejects with a `UserError` when refused; the
 * stream is closed then.
 */
export async function openGrantTunnel(options: GrantTunnelOptions): Promise<GrantTunnel> {
  const { info, clock } = options;
  const stream = await options.open();
  try {
    const frames = frameStream(stream, clock);
    const { nonce } = readHello(await frames.receive(answerTimeoutMs), info.installation);
    const { installation, proxy, grantID } = info;
    const audience = { purpose: "connect", installation, proxy, grantID, nonce } as const;
    const proof = await createProof(audience, options.credentials, info.sts, new Date(clock.now()));
    frames.send({ type: "prove", grantID, proof, client: options.client });
    const answer = await frames.receive(answerTimeoutMs);
    if (answer.type !== "welcome" || answer.ticket === undefined) {
      throw refusalError(answer);
    }
    return new ControlStream(options, stream, frames, new Secret(answer.ticket));
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

function readHello(message: FromProxy, installation: string): { nonce: string } {
  if (message.type === "refuse") {
    throw refusalError(message);
  }
  if (message.type !== "hello" || message.version !== handshakeVersion || message.installation !== installation) {
    throw new UserError(
      "ProxyUnexpected",
      "what answered is not this installation's proxy, or speaks another version",
      { next: "Update sallyport on this computer; if that does not help, tell whoever operates Sallyport." },
    );
  }
  return message;
}

class ControlStream implements GrantTunnel {
  readonly ended: Promise<GrantTunnelEnd>;
  readonly #draining = Promise.withResolvers<Drain>();
  /** Data streams that are open or being opened. */
  #open = 0;
  #onIdle: (() => void)[] = [];
  readonly #options: GrantTunnelOptions;
  readonly #stream: Duplex;
  readonly #frames: FrameStream;
  #ticket: Secret;
  #cancelPing: CancelTimer = () => {};
  #pingID = 0;
  #answeredID = 0;
  #isProbing = false;

  constructor(options: GrantTunnelOptions, stream: Duplex, frames: FrameStream, ticket: Secret) {
    this.#options = options;
    this.#stream = stream;
    this.#frames = frames;
    this.#ticket = ticket;
    this.#schedulePing();
    this.ended = this.#follow();
  }

  get draining(): Promise<Drain> {
    return this.#draining.promise;
  }

  idle(): Promise<void> {
    return this.#open === 0 ? Promise.resolve() : new Promise((resolve) => this.#onIdle.push(resolve));
  }

  async openData(): Promise<DataStream> {
    this.#open += 1;
    try {
      const data = await this.#openData();
      data.stream.once("close", () => this.#closed());
      return data;
    } catch (error) {
      this.#closed();
      throw error;
    }
  }

  #closed(): void {
    this.#open -= 1;
    if (this.#open === 0) {
      for (const tell of this.#onIdle.splice(0)) {
        tell();
      }
    }
  }

  async #openData(): Promise<DataStream> {
    const { open, clock, info } = this.#options;
    const stream = await open();
    try {
      const frames = frameStream(stream, clock);
      readHello(await frames.receive(answerTimeoutMs), info.installation);
      frames.send({ type: "open", ticket: this.#ticket.reveal() });
      const answer = await frames.receive(answerTimeoutMs);
      if (answer.type === "welcome") {
        frames.detach();
        return { stream };
      }
      if (answer.type === "refuse" && answer.spoken && isSpokenIn(info.engine, answer)) {
        frames.detach();
        return { stream, refused: answer };
      }
      throw refusalError(answer);
    } catch (error) {
      stream.destroy();
      throw error;
    }
  }

  probe(): void {
    if (!this.#isProbing && !this.#stream.destroyed) {
      this.#isProbing = true;
      this.#ping(probeTimeoutMs);
    }
  }

  close(): void {
    this.#cancelPing();
    this.#stream.destroy();
  }

  async #follow(): Promise<GrantTunnelEnd> {
    try {
      for (;;) {
        const message = await this.#frames.receive();
        switch (message.type) {
          case "ping":
            this.#frames.send({ type: "pong", id: message.id });
            break;
          case "pong":
            this.#answeredID = Math.max(this.#answeredID, message.id);
            this.#isProbing &&= this.#answeredID < this.#pingID;
            break;
          case "warning":
            this.#options.onWarning(message);
            break;
          case "ticket":
            this.#ticket = new Secret(message.ticket);
            break;
          case "drain":
            this.#draining.resolve(message);
            break;
          case "end":
            return { end: message };
          default:
            return { broken: new Error(`the proxy sent ${message.type} where it does not belong`) };
        }
      }
    } catch (error) {
      return { broken: coerceError(error) };
    } finally {
      this.close();
    }
  }

  #schedulePing(): void {
    this.#cancelPing = this.#options.clock.after(pingPeriodMs, () => this.#ping(pongTimeoutMs));
  }

  #ping(withinMs: number): void {
    const { clock, heardMs } = this.#options;
    this.#cancelPing();
    this.#pingID += 1;
    this.#frames.send({ type: "ping", id: this.#pingID });
    this.#cancelPing = clock.after(withinMs, () => {
      const isBusy = heardMs !== undefined && clock.monotonicMs() - heardMs() < withinMs / 2;
      if (this.#answeredID >= this.#pingID) {
        this.#schedulePing();
      } else if (this.#isProbing && isBusy) {
        // The answer may stand behind much that is still arriving on a slow line.
        this.#isProbing = false;
        this.#ping(pongTimeoutMs);
      } else {
        this.#stream.destroy(new UserError("ProxySilent", "the proxy does not answer"));
      }
    });
  }
}

/**
 * Whether a refusal will reach the database client. A proxy that does not know the ticket does not know the engine either, and waits for
 * a client that speaks first, which those of MySQL do not.
 */
function isSpokenIn(engine: ConnectInfo["engine"], { code }: Refuse): boolean {
  return engine === "PostgreSQL" || code !== "ticket-unknown";
}

function refusalError(answer: FromProxy): UserError {
  const refuse = answer.type === "refuse" ? answer : undefined;
  const code = refuse?.retryable === true ? "ProxyRefusedForNow" : "ProxyRefused";
  return new UserError(code, "the proxy refused the connection", {
    why: refuse?.message ?? "it answered in an unexpected form",
    next: refuse?.retryable ? "Run the same command again in a few seconds." : "sallyport grants list",
  });
}
