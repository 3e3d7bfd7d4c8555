import type { Duplex } from "node:stream";
import { appendPart } from "#lib/parts.ts";
import { ProtocolViolation, sqlState } from "../postgres/protocol.ts";
import { FrameScanner } from "../postgres/scanner.ts";
import type { Tracker } from "../postgres/tracker.ts";
import { type Release, takeBytes } from "../static-reads.ts";
import { AnswerEdits } from "./answer-edits.ts";
import { overwriteParts } from "./overwrite.ts";
import { clientHandler, serverHandler } from "./relay-handlers.ts";
import { recordingFailureMessage, type Recorder, type RecordingFailure } from "./recorder.ts";
import { Valve } from "./valve.ts";

/**
 * Messages that may wait for answers before the client has to wait too. The server itself holds back at most 8 KiB of
 * answers of 5 bytes, so a client that syncs at all can always go on.
 */
export const pipelineDepthMax = 65_536;

/** Why a relay ended. */
export type RelayEnd =
  /** `asked`: the client had said Terminate, or had gone. */
  | { readonly by: "server"; readonly asked: boolean }
  | { readonly by: "violation"; readonly side: "client" | "server" | "audit"; readonly error: ProtocolViolation }
  /** Code of the proxy's own failed while the session's bytes were read: no later byte of them can be trusted to be recorded. */
  | { readonly by: "defect"; readonly error: unknown };

/** What a relay works with. */
export interface RelayParts {
  readonly client: Duplex;
  readonly server: Duplex;
  readonly tracker: Tracker;
  readonly recorder: Recorder;
  /** Called for each setting that the server reports. */
  readonly onParameter: (name: string, value: string) => void;
  /** The client closed its stream; `clean` when it said Terminate first. Answers are still followed until the server closes. */
  readonly onClientGone: (clean: boolean) => void;
  /** Called once. The streams are still open, and nothing more is forwarded. */
  readonly onEnd: (end: RelayEnd) => void;
}

/**
 * Moves bytes between client and server and lets the tracker see what they mean. Bytes of a statement go to the server after
 * its record is written; answers go to the client as they come. Whole chunks are forwarded, never single frames.
 */
export class Relay {
  readonly #parts: RelayParts;
  readonly #clientScanner: FrameScanner;
  readonly #serverScanner: FrameScanner;
  readonly #clientValve: Valve;
  readonly #serverValve: Valve;
  /** Parts of a message that is not complete, or held back. */
  #held: Buffer[] = [];
  /** What goes to the server once all that was started is on record, and how its memory is given back. */
  readonly #ready: Buffer[] = [];
  readonly #releases: (Release | undefined)[] = [];
  #isAwaitingRecord = false;
  #notices: Buffer[] = [];
  /** What replaces parts of the chunk that is being read: places count from its beginning. */
  #overwrites: { readonly at: number; readonly bytes: Buffer }[] = [];
  readonly #edits = new AnswerEdits();
  #terminated = false;
  #clientGone = false;
  #stopped = false;
  /** Where the client stood before the chunk whose reading failed, of which it got nothing. */
  #stoodAtBoundary: boolean | undefined;
  #leaveClient = (): void => {};
  #leaveServer = (): void => {};
  readonly #onRecorded = (failure: RecordingFailure | undefined): void => this.#guarded(() => this.#recorded(failure));
  readonly #onClientEnd = (): void => this.#guarded(() => this.#clientEnds());
  readonly #onClientDrain = (): void => this.#serverValve.open("other-side");
  readonly #onServerEnd = (): void => this.#end({ by: "server", asked: this.#terminated || this.#clientGone });
  readonly #onServerDrain = (): void => this.#clientValve.open("other-side");

  constructor(parts: RelayParts) {
    this.#parts = parts;
    const terminate = (): void => {
      this.#terminated = true;
    };
    const overwrite = (at: number, bytes: Buffer): void => {
      this.#overwrites.push({ at, bytes });
    };
    this.#clientScanner = new FrameScanner(clientHandler(parts.tracker, terminate, overwrite));
    this.#serverScanner = new FrameScanner(serverHandler(parts.tracker, parts.onParameter, this.#edits));
    this.#clientValve = new Valve(parts.client);
    this.#serverValve = new Valve(parts.server);
  }

  /** Whether the stream to the client stands between two messages, so that an error can be put there. */
  get clientAtBoundary(): boolean {
    return this.#stoodAtBoundary ?? (this.#serverScanner.atBoundary || this.#edits.isBusy);
  }

  /** Begins, with the bytes that arrived during login. */
  start(fromClient: Buffer, fromServer: Buffer): void {
    const { client, server } = this.#parts;
    client.on("drain", this.#onClientDrain);
    client.once("end", this.#onClientEnd).once("close", this.#onClientEnd);
    server.on("drain", this.#onServerDrain);
    server.once("end", this.#onServerEnd).once("close", this.#onServerEnd);
    if (fromServer.length > 0) {
      this.#fromServer(fromServer, undefined);
    }
    if (fromClient.length > 0) {
      this.#fromClient(fromClient, undefined);
    }
    if (this.#stopped) {
      return;
    }
    this.#leaveServer = takeBytes(server, (bytes, release) => this.#fromServer(bytes, release));
    this.#leaveClient = takeBytes(client, (bytes, release) => this.#fromClient(bytes, release));
    if (this.#stopped) {
      // What had waited in a stream ended it.
      this.#leaveServer();
      this.#leaveClient();
      return;
    }
    this.#clientValve.open("start");
    this.#serverValve.open("start");
    if (client.destroyed) {
      this.#clientEnds();
    }
    if (server.destroyed) {
      this.#end({ by: "server", asked: this.#terminated || this.#clientGone });
    }
  }

  /** Puts a NoticeResponse between two messages to the client, now or as soon as the running one is complete. */
  notice(bytes: Buffer): void {
    if (this.clientAtBoundary) {
      this.#toClient(bytes);
    } else {
      this.#notices.push(bytes);
    }
  }

  /** Forwards nothing more in either direction. The streams stay open, paused. */
  stop(): void {
    if (this.#stopped) {
      return;
    }
    this.#stopped = true;
    const { client, server } = this.#parts;
    this.#clientValve.dispose();
    this.#serverValve.dispose();
    this.#leaveClient();
    this.#leaveServer();
    client.off("drain", this.#onClientDrain);
    client.off("end", this.#onClientEnd).off("close", this.#onClientEnd);
    server.off("drain", this.#onServerDrain);
    server.off("end", this.#onServerEnd).off("close", this.#onServerEnd);
    this.#held = [];
    this.#ready.length = 0;
    this.#releases.length = 0;
  }

  #end(end: RelayEnd): void {
    if (!this.#stopped) {
      this.stop();
      this.#parts.onEnd(end);
    }
  }

  #violation(side: "client" | "server" | "audit", error: unknown): void {
    this.#end(error instanceof ProtocolViolation ? { by: "violation", side, error } : { by: "defect", error });
  }

  /** Whoever calls from outside (a stream, the journal) serves other sessions too, and must not hear of a failure in this one. */
  #guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#violation("client", error);
    }
  }

  #clientEnds(): void {
    if (!this.#clientGone && !this.#stopped) {
      this.#clientGone = true;
      this.#clientValve.dispose();
      this.#serverValve.open("other-side");
      this.#parts.onClientGone(this.#terminated);
    }
  }

  #fromClient(chunk: Buffer, release: Release | undefined): void {
    if (this.#stopped || this.#clientGone) {
      return;
    }
    try {
      this.#readClient(chunk, release);
    } catch (error) {
      this.#violation("client", error);
    }
  }

  #readClient(chunk: Buffer, release: Release | undefined): void {
    const scanner = this.#clientScanner;
    scanner.push(chunk);
    if (this.#overwrites.length > 0) {
      for (const { at, bytes } of this.#overwrites.splice(0)) {
        overwriteParts(this.#held, chunk, at, bytes);
      }
    }
    // What the tracker read it may keep, so that memory is not given back.
    this.#takeSafe(chunk, scanner.safeEnd, scanner.hasLooked ? undefined : release);
    if (this.#isAwaitingRecord) {
      this.#clientValve.close("journal");
      return;
    }
    this.#isAwaitingRecord = true;
    this.#parts.recorder.whenRecorded(this.#onRecorded);
  }

  #recorded(failure: RecordingFailure | undefined): void {
    this.#isAwaitingRecord = false;
    if (this.#stopped) {
      return;
    }
    if (failure !== undefined) {
      this.#end({ by: "violation", side: "audit", error: recordingViolation(failure) });
      return;
    }
    this.#forward();
    this.#clientValve.open("journal");
  }

  /** Bytes up to `safe` may go once their records are written; the rest belongs to a message that is not complete. */
  #takeSafe(chunk: Buffer, safe: number, release: Release | undefined): void {
    if (safe < chunk.length) {
      const rest = safe === 0 ? chunk : chunk.subarray(safe);
      if (safe === 0) {
        appendPart(this.#held, release === undefined ? rest : Buffer.from(rest));
        release?.();
        return;
      }
      this.#makeReady(chunk.subarray(0, safe), release);
      this.#held = [release === undefined ? rest : Buffer.from(rest)];
    } else {
      this.#makeReady(chunk, release);
    }
  }

  #makeReady(bytes: Buffer, release: Release | undefined): void {
    if (this.#held.length > 0) {
      for (const part of this.#held) {
        this.#ready.push(part);
        this.#releases.push(undefined);
      }
      this.#held = [];
    }
    this.#ready.push(bytes);
    this.#releases.push(release);
  }

  #forward(): void {
    const { server, tracker } = this.#parts;
    const ready = this.#ready;
    const count = ready.length;
    if (count === 0 || server.destroyed) {
      return;
    }
    tracker.forwarded();
    let hasRoom = true;
    if (count === 1 && ready[0] !== undefined) {
      hasRoom = write(server, ready[0], this.#releases[0]);
    } else {
      server.cork();
      for (const [index, bytes] of ready.entries()) {
        hasRoom = write(server, bytes, this.#releases[index]);
      }
      server.uncork();
    }
    ready.length = 0;
    this.#releases.length = 0;
    if (!hasRoom && server.writableNeedDrain) {
      this.#clientValve.close("other-side");
    }
    if (tracker.depth > pipelineDepthMax) {
      this.#clientValve.close("depth");
    }
  }

  #fromServer(chunk: Buffer, release: Release | undefined): void {
    if (this.#stopped) {
      return;
    }
    const stood = this.clientAtBoundary;
    try {
      this.#serverScanner.push(chunk);
    } catch (error) {
      this.#stoodAtBoundary = stood;
      this.#violation("server", error);
      return;
    }
    try {
      this.#give(chunk, release);
    } catch (error) {
      // How much of the chunk the client got is not known.
      this.#stoodAtBoundary = false;
      this.#violation("server", error);
    }
  }

  #give(chunk: Buffer, release: Release | undefined): void {
    const scanner = this.#serverScanner;
    const { boundary } = scanner;
    // The tracker keeps copies only; the scanner keeps parts of the memory itself.
    const mayRelease = scanner.keepsParts ? undefined : release;
    if (this.#parts.tracker.awaitsRefused || this.#edits.isBusy) {
      this.#toClient(this.#edits.apply(chunk, boundary, this.#parts.tracker.awaitsRefused));
      if (this.#notices.length > 0 && this.clientAtBoundary) {
        this.#toClient(Buffer.concat(this.#notices.splice(0)));
      }
      mayRelease?.();
    } else if (this.#notices.length > 0 && boundary >= 0) {
      this.#toClient(Buffer.concat([chunk.subarray(0, boundary), ...this.#notices, chunk.subarray(boundary)]));
      this.#notices = [];
      mayRelease?.();
    } else {
      this.#toClient(chunk, mayRelease);
    }
    if (this.#parts.tracker.depth < pipelineDepthMax / 2) {
      this.#clientValve.open("depth");
    }
  }

  #toClient(bytes: Buffer, release?: Release): void {
    const { client } = this.#parts;
    if (this.#stopped || this.#clientGone || client.destroyed) {
      release?.();
      return;
    }
    if (!write(client, bytes, release)) {
      this.#serverValve.close("other-side");
    }
  }
}

/** The stream looks at the bytes until it calls back. */
function write(stream: Duplex, bytes: Buffer, release: Release | undefined): boolean {
  return release === undefined ? stream.write(bytes) : stream.write(bytes, release);
}

/** The error that ends a session whose statement could not be recorded. */
export function recordingViolation(failure: RecordingFailure): ProtocolViolation {
  const state = failure === "full" ? sqlState.ioError : sqlState.limitExceeded;
  return new ProtocolViolation(recordingFailureMessage[failure], state);
}
