import type { Duplex } from "node:stream";
import type { End } from "#wire/handshake.ts";
import type { LinkGrant } from "#wire/link.ts";
import { admit, send, type AdmissionPorts, type Admitted } from "../admission/admit.ts";
import { ControlStream } from "../admission/control.ts";
import { drainMessage } from "../drain/drain.ts";
import type { Engine, SessionPorts } from "../session/engine.ts";
import { ignoreErrors } from "../streams.ts";

/**
 * Streams that have not passed the handshake. Each holds at most a 16 KiB frame and lives at most the handshake's and STS's time-outs
 * (20 s), so this admits more than 12 new streams a second; SSM opens far fewer.
 */
export const unauthenticatedMax = 256;
/** A GUI client opens about ten connections, several of them at once for several people's tools. */
export const dataStreamsPerGrantMax = 100;
/** One control stream a tunnel; a person has few tunnels. */
export const controlStreamsPerGrantMax = 16;

/**
 * A stream that is done with may stay so long, for its last words to be read. A client that reads nothing would keep it for ever.
 */
export const lingerMs = 10_000;

/** What the gate works with. */
export interface GatePorts {
  readonly admission: AdmissionPorts;
  readonly session: SessionPorts;
  readonly engines: ReadonlyMap<string, Engine>;
  readonly warnBeforeEndMs: () => number;
}

/** Takes every stream that reaches the task: handshake first, then control stream or database session. */
export class Gate {
  readonly #ports: GatePorts;
  readonly #controls = new Set<ControlStream>();
  readonly #dataStreams = new Map<string, number>();
  /** Streams that have not passed the handshake, and those that are being told why they are refused. */
  #unauthenticated = 0;
  /** Streams beyond the limit whose refusal is still to be read. */
  #turnedAway = 0;

  constructor(ports: GatePorts) {
    this.#ports = ports;
  }

  /** Serves one stream to its end. Never rejects. */
  async handle(stream: Duplex): Promise<void> {
    ignoreErrors(stream);
    try {
      const admitted = await this.#admit(stream);
      if (admitted?.kind === "control") {
        this.#control(stream, admitted);
        return;
      }
      if (admitted !== undefined) {
        await this.#serve(stream, admitted);
      }
      this.#linger(stream);
    } catch (error) {
      this.#ports.session.log.error("stream ended by a defect", { error });
      stream.destroy();
    }
  }

  /** Ends the control streams of a grant, or all, with a reason for the person. */
  endControls(end: End, grantID?: string): void {
    for (const control of this.#controls) {
      if (grantID === undefined || control.grantID === grantID) {
        control.end(end);
      }
    }
  }

  /** Asks all tunnels to move: this task is being replaced. */
  drainControls(message: string): void {
    for (const control of this.#controls) {
      control.drain(message);
    }
  }

  /** A grant's end is new or has moved. */
  grantMoved(grantID: string): void {
    for (const control of this.#controls) {
      if (control.grantID === grantID) {
        control.grantMoved();
      }
    }
  }

  async #admit(stream: Duplex): Promise<Admitted | undefined> {
    if (this.#unauthenticated >= unauthenticatedMax) {
      this.#turnAway(stream);
      return undefined;
    }
    this.#unauthenticated += 1;
    try {
      return await admit(stream, this.#ports.admission);
    } finally {
      this.#unauthenticated -= 1;
    }
  }

  async #serve(stream: Duplex, admitted: Exclude<Admitted, { kind: "control" }>): Promise<void> {
    if (admitted.kind === "data") {
      await this.#data(stream, admitted);
      return;
    }
    await this.#refuse(stream, admitted);
  }

  /** Telling the reason waits for the client's first message, so it counts as much as a handshake. */
  async #refuse(
    stream: Duplex,
    refused: { readonly grant: LinkGrant | undefined; readonly rest: Buffer; readonly message: string },
  ): Promise<void> {
    if (this.#unauthenticated >= unauthenticatedMax) {
      stream.destroy();
      return;
    }
    this.#unauthenticated += 1;
    try {
      const { clock } = this.#ports.session;
      await this.#engine(refused.grant).refuse(stream, refused.rest, refused.message, clock);
    } finally {
      this.#unauthenticated -= 1;
    }
  }

  /** A stranger too many is told so; strangers far too many are not. */
  #turnAway(stream: Duplex): void {
    if (this.#turnedAway >= unauthenticatedMax) {
      stream.destroy();
      return;
    }
    this.#turnedAway += 1;
    stream.once("close", () => (this.#turnedAway -= 1));
    this.#tooMany(stream);
  }

  #linger(stream: Duplex): void {
    if (!stream.destroyed) {
      stream.once(
        "close",
        this.#ports.session.clock.after(lingerMs, () => stream.destroy()),
      );
    }
  }

  #control(stream: Duplex, admitted: Extract<Admitted, { kind: "control" }>): void {
    const { grantID } = admitted.grant;
    const ofGrant = [...this.#controls].filter((control) => control.grantID === grantID);
    if (ofGrant.length >= controlStreamsPerGrantMax) {
      this.#tooMany(stream);
      return;
    }
    const { clock, grants, tickets } = this.#ports.admission;
    const control: ControlStream = new ControlStream(
      stream,
      { grantID, client: admitted.client, frames: admitted.frames },
      {
        clock,
        tickets,
        remainingMs: () => grants.remainingMs(grantID),
        warnBeforeEndMs: this.#ports.warnBeforeEndMs,
        onClosed: () => this.#controls.delete(control),
      },
    );
    this.#controls.add(control);
    control.start();
    if (this.#ports.admission.isDraining()) {
      // It was let in just before, and nobody has told it.
      control.drain(drainMessage);
    }
  }

  async #data(stream: Duplex, admitted: Extract<Admitted, { kind: "data" }>): Promise<void> {
    const { grantID } = admitted.grant;
    const count = this.#dataStreams.get(grantID) ?? 0;
    if (count >= dataStreamsPerGrantMax) {
      const message = `this grant has ${count} connections already; close some first`;
      await this.#refuse(stream, { ...admitted, message });
      return;
    }
    this.#dataStreams.set(grantID, count + 1);
    try {
      await this.#engine(admitted.grant).serve(
        { stream, rest: admitted.rest, grant: admitted.grant, client: admitted.client },
        this.#ports.session,
      );
    } finally {
      const left = (this.#dataStreams.get(grantID) ?? 1) - 1;
      if (left > 0) {
        this.#dataStreams.set(grantID, left);
      } else {
        this.#dataStreams.delete(grantID);
      }
    }
  }

  /** Whose grant is not known is answered in the first engine's protocol; most clients show its text whatever they speak. */
  #engine(grant: LinkGrant | undefined): Engine {
    const [first] = this.#ports.engines.values();
    const engine = (grant === undefined ? undefined : this.#ports.engines.get(grant.database.engine)) ?? first;
    if (engine === undefined) {
      throw new Error("no database engine is registered");
    }
    return engine;
  }

  #tooMany(stream: Duplex): void {
    send(stream, {
      type: "refuse",
      code: "too-many",
      message: "the proxy has too many connections of this kind now",
      retryable: true,
      spoken: false,
    });
    stream.end();
    stream.resume();
    this.#linger(stream);
  }
}
