import { appendPart } from "#lib/parts.ts";
import { encodeError } from "../mysql/answers.ts";
import { encodePacket } from "../mysql/fields.ts";
import { pipelineDepthMax } from "../mysql/limits.ts";
import { PacketScanner, verdict, type Verdict } from "../mysql/packets.ts";
import { errors, type ErrorCode, MySqlViolation } from "../mysql/violation.ts";
import { type Release, takeBytes } from "../static-reads.ts";
import type { RelayEnd } from "./session-protocol.ts";
import type { MySqlRelayParts } from "./mysql-relay-parts.ts";
import { recordingFailureMessage, type RecordingFailure } from "./recorder.ts";
import { Valve } from "./valve.ts";

/**
 * Moves bytes between client and server and lets the tracker see what they mean. Bytes of a command go to the server after its record
 * is written; answers go to the client as they come. Whole chunks are forwarded, never single packets.
 */
export class MySqlRelay {
  readonly #parts: MySqlRelayParts;
  readonly #clientScanner: PacketScanner;
  readonly #serverScanner: PacketScanner;
  readonly #clientValve: Valve;
  readonly #serverValve: Valve;
  /** The chunk of the client that is being read, and up to where it is decided what becomes of it. */
  #chunk: Buffer = Buffer.alloc(0);
  #decided = 0;
  /** Parts of a command that is not complete. */
  #held: Buffer[] = [];
  /** What goes to the server once all that was started is on record. */
  readonly #ready: Buffer[] = [];
  /** What the client sent after a command about which only an answer that is on its way can tell. */
  #later: Buffer[] = [];
  #isAwaitingRecord = false;
  /** A packet header at the end of what the server sent: whether that packet may pass is not known. */
  #undecided: Buffer = Buffer.alloc(0);
  /** The proxy's own answers that have to stand behind the packet that is being read. */
  readonly #replies: Buffer[] = [];
  /** Where in the server's chunk they stand. */
  readonly #placed: { readonly at: number; readonly packet: Buffer }[] = [];
  /** A part of a packet that turned out to be wrong is with the client already. */
  #isMidPacket = false;
  #isReadingServer = false;
  #clientGone = false;
  #stopped = false;
  /** The sequence number that the client expected before the chunk whose reading failed, of which it got nothing; −1 where it reads no error. */
  #stoodAt: number | undefined;
  #leaveClient = (): void => {};
  #leaveServer = (): void => {};
  readonly #onRecorded = (failure: RecordingFailure | undefined): void => this.#guarded(() => this.#recorded(failure));
  readonly #onClientEnd = (): void => this.#guarded(() => this.#clientEnds());
  readonly #onClientDrain = (): void => this.#serverValve.open("other-side");
  readonly #onServerEnd = (): void => this.#serverEnds();
  readonly #onServerDrain = (): void => this.#clientValve.open("other-side");

  constructor(parts: MySqlRelayParts) {
    const { tracker, onKill, judge } = parts;
    this.#parts = parts;
    tracker.hooks = { onKill, judge, onReply: (packet) => this.#reply(packet) };
    this.#clientScanner = new PacketScanner({
      begin: (first, _bytes, sequence) => tracker.clientBegins(first, sequence),
      more: () => undefined,
      end: (body, bytes, sequence) => tracker.clientEnds(body, bytes, sequence),
      left: (decided) => this.#clientLeft(decided),
    });
    this.#serverScanner = new PacketScanner({
      begin: (first, bytes, sequence) => tracker.serverBegins(first, bytes, sequence),
      skim: (chunk, at) => tracker.serverSkims(chunk, at),
      more: (bytes) => tracker.serverGoesOn(bytes),
      end: (body, bytes) => {
        tracker.serverEnds(body, bytes);
        return this.#replies.length === 0 ? verdict.pass : verdict.mark;
      },
      left: () => this.#placeReplies(),
    });
    this.#clientValve = new Valve(parts.client);
    this.#serverValve = new Valve(parts.server);
  }

  /** Whether an error can be put to the client: its stream stands between two packets, at a place where it reads one. */
  get clientAtBoundary(): boolean {
    const { atBoundary, undecided } = this.#serverScanner;
    const isBetween = (atBoundary || undecided > 0) && !this.#isMidPacket && this.#parts.tracker.acceptsError;
    return this.#stoodAt === undefined ? isBetween : this.#stoodAt >= 0;
  }

  /** The packet that tells the client why its session ends, where the stream to it stands now. */
  lastWords(message: string, code: ErrorCode): Buffer {
    return encodePacket(this.#stoodAt ?? this.#parts.tracker.nextSequence, encodeError(message, code));
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
      this.#fromClient(fromClient);
    }
    if (this.#stopped) {
      return;
    }
    this.#leaveServer = takeBytes(server, (bytes, release) => this.#fromServer(bytes, release));
    // The tracker and the recorder may keep parts of what they read, so that memory is never given back.
    this.#leaveClient = takeBytes(client, (bytes) => this.#fromClient(bytes));
    this.#clientValve.open("start");
    this.#serverValve.open("start");
    if (client.destroyed) {
      this.#clientEnds();
    }
    if (server.destroyed) {
      this.#serverEnds();
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
    this.#later = [];
    this.#ready.length = 0;
  }

  #end(end: RelayEnd): void {
    if (!this.#stopped) {
      this.stop();
      this.#parts.onEnd(end);
    }
  }

  #violation(side: "client" | "server" | "audit", error: unknown): void {
    this.#end(error instanceof MySqlViolation ? { by: "violation", side, error } : { by: "defect", error });
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
      this.#parts.onClientGone(this.#parts.tracker.hasQuit);
    }
  }

  #serverEnds(): void {
    this.#end({ by: "server", asked: this.#parts.tracker.hasQuit || this.#clientGone });
  }

  #fromClient(chunk: Buffer): void {
    if (this.#stopped || this.#clientGone) {
      return;
    }
    if (this.#later.length > 0) {
      this.#later.push(chunk);
      return;
    }
    this.#guarded(() => this.#readClient(chunk));
  }

  #readClient(chunk: Buffer): void {
    this.#readCommands(chunk);
    if (this.#isAwaitingRecord) {
      this.#clientValve.close("journal");
      return;
    }
    this.#isAwaitingRecord = true;
    this.#parts.recorder.whenRecorded(this.#onRecorded);
  }

  #readCommands(chunk: Buffer): void {
    const scanner = this.#clientScanner;
    this.#chunk = chunk;
    this.#decided = 0;
    if (!scanner.push(chunk)) {
      return;
    }
    // What is beyond its limit is left out as a whole once it is complete; until then nothing of it is kept.
    const end = Math.max(scanner.boundary, this.#decided);
    this.#makeReady(end);
    if (scanner.isBeyond) {
      this.#held = [];
    } else if (end < chunk.length) {
      appendPart(this.#held, end === 0 ? chunk : chunk.subarray(end));
    }
  }

  /** The chunk up to `end` may go, and what was held of the command that ended in it. */
  #makeReady(end: number): void {
    if (end > this.#decided) {
      this.#ready.push(...this.#held);
      this.#held = [];
      this.#ready.push(
        this.#decided === 0 && end === this.#chunk.length ? this.#chunk : this.#chunk.subarray(this.#decided, end),
      );
      this.#decided = end;
    }
  }

  #clientLeft(decided: Verdict): void {
    const { start, boundary } = this.#clientScanner;
    if (start > 0) {
      this.#makeReady(start);
    }
    if (decided === verdict.drop) {
      this.#held = start < 0 ? [] : this.#held;
      this.#decided = boundary;
    } else {
      this.#later = [...this.#held, start > 0 ? this.#chunk.subarray(start) : this.#chunk];
      this.#held = [];
      this.#clientValve.close("answer");
    }
  }

  #recorded(failure: RecordingFailure | undefined): void {
    this.#isAwaitingRecord = false;
    if (this.#stopped) {
      return;
    }
    if (failure !== undefined) {
      const code = failure === "full" ? errors.notWritten : errors.packetTooLarge;
      this.#violation("audit", new MySqlViolation(recordingFailureMessage[failure], code));
      return;
    }
    this.#forward();
    // What is refused waits for its turn as well, though nothing of it is forwarded.
    if (this.#parts.tracker.depth > pipelineDepthMax) {
      this.#clientValve.close("depth");
    }
    this.#clientValve.open("journal");
  }

  #forward(): void {
    const { server, tracker } = this.#parts;
    const ready = this.#ready;
    if (ready.length === 0 || server.destroyed) {
      return;
    }
    tracker.forwarded();
    let hasRoom = true;
    if (ready.length === 1 && ready[0] !== undefined) {
      hasRoom = server.write(ready[0]);
    } else {
      server.cork();
      for (const bytes of ready) {
        hasRoom = server.write(bytes);
      }
      server.uncork();
    }
    ready.length = 0;
    if (!hasRoom && server.writableNeedDrain) {
      this.#clientValve.close("other-side");
    }
  }

  #fromServer(bytes: Buffer, release: Release | undefined): void {
    if (this.#stopped) {
      release?.();
      return;
    }
    const stoodAt = this.clientAtBoundary ? this.#parts.tracker.nextSequence : -1;
    this.#isReadingServer = true;
    try {
      this.#serverScanner.push(bytes);
    } catch (error) {
      if (error instanceof MySqlViolation) {
        this.#withhold(bytes);
      } else {
        this.#stoodAt = stoodAt;
      }
      this.#violation("server", error);
      return;
    } finally {
      this.#isReadingServer = false;
    }
    try {
      this.#give(bytes, release);
    } catch (error) {
      // How much of the chunk the client got is not known.
      this.#stoodAt = -1;
      this.#violation("server", error);
      return;
    }
    this.#guarded(() => this.#goOn());
  }

  /** What came before the packet that may not pass is the client's. */
  #withhold(bytes: Buffer): void {
    const { start } = this.#serverScanner;
    this.#isMidPacket = start < 0 && this.#undecided.length === 0;
    this.#parts.tracker.withheld();
    this.#toClient(this.#assemble(this.#undecided, bytes, Math.max(start, 0)));
  }

  #give(bytes: Buffer, release: Release | undefined): void {
    const scanner = this.#serverScanner;
    const before = this.#undecided;
    const { undecided } = scanner;
    if (undecided === 0 && before.length === 0 && this.#placed.length === 0) {
      this.#toClient(bytes, scanner.keepsParts ? undefined : release);
    } else {
      this.#giveSlowly(before, bytes, undecided);
      if (!scanner.keepsParts) {
        release?.();
      }
    }
  }

  /** A header at the end waits for what follows it; answers of the proxy's own stand where they belong. */
  #giveSlowly(before: Buffer, bytes: Buffer, undecided: number): void {
    if (undecided > bytes.length) {
      this.#undecided = Buffer.concat([before, bytes]);
      return;
    }
    const end = bytes.length - undecided;
    this.#undecided = Buffer.from(bytes.subarray(end));
    this.#toClient(this.#assemble(before, bytes, end));
  }

  #assemble(before: Buffer, bytes: Buffer, end: number): Buffer {
    const parts = end > 0 ? [before] : [];
    let from = 0;
    for (const { at, packet } of this.#placed.splice(0)) {
      parts.push(bytes.subarray(from, at), packet);
      from = at;
    }
    parts.push(bytes.subarray(from, end));
    return Buffer.concat(parts);
  }

  #reply(packet: Buffer): void {
    if (this.#isReadingServer) {
      this.#replies.push(packet);
    } else {
      this.#toClient(packet);
    }
  }

  #placeReplies(): void {
    const at = this.#serverScanner.boundary;
    for (const packet of this.#replies) {
      this.#placed.push({ at, packet });
    }
    this.#replies.length = 0;
  }

  /** After an answer: what the client had to wait for may go on. */
  #goOn(): void {
    const { tracker } = this.#parts;
    if (tracker.depth < pipelineDepthMax / 2) {
      this.#clientValve.open("depth");
    }
    if (this.#later.length > 0 && !tracker.isUncertain) {
      const later = this.#later;
      this.#later = [];
      for (const bytes of later) {
        this.#fromClient(bytes);
      }
      if (this.#later.length === 0) {
        this.#clientValve.open("answer");
      }
    }
  }

  #toClient(bytes: Buffer, release?: Release): void {
    const { client } = this.#parts;
    if (this.#stopped || this.#clientGone || client.destroyed || bytes.length === 0) {
      release?.();
      return;
    }
    const hasRoom = release === undefined ? client.write(bytes) : client.write(bytes, release);
    if (!hasRoom) {
      this.#serverValve.close("other-side");
    }
  }
}
