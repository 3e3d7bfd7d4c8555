import type { WriteResult } from "#audit/journal.ts";
import type { CloseReason, SessionClose } from "#audit/record.ts";
import { redactMessage } from "#audit/redact/message.ts";
import { coerceError } from "#lib/errors.ts";
import { type ChunkReader, StreamEnded } from "../streams.ts";
import { UpstreamError } from "../upstream/target.ts";
import type { NotedBackend } from "./backend-book.ts";
import { Cancels } from "./cancels.ts";
import type { BackendFate } from "./confirm.ts";
import type { AdmittedStream, SessionPorts } from "./engine.ts";
import { openRecord } from "./open-record.ts";
import type { Recorder } from "./recorder.ts";
import type { CutReason, Session } from "./registry.ts";
import {
  type LiveParts,
  type OpenedUpstream,
  OpeningNotRecorded,
  type RelayEnd,
  SessionCut,
  SessionDefect,
  type SessionProtocol,
} from "./session-protocol.ts";

/** How long a server may take to close after its client left, before its backend is ended by force. */
export const closeTimeoutMs = 10_000;

interface Live<U, L> {
  readonly upstream: U;
  readonly parts: L;
  readonly loggedInMs: number;
  /** Undefined where the server tells no number of the backend. */
  readonly noted: NotedBackend | undefined;
}

/** How a session ends. */
interface Ending {
  readonly reason: CloseReason;
  readonly message?: string;
  readonly unanswered: "cut" | "unknown";
  readonly force: boolean;
}

/** One client's connection to a server, whatever the protocol, from its login to its last record. */
export class DatabaseSession<U extends OpenedUpstream, L extends LiveParts> implements Session {
  readonly id: string;
  readonly grantID: string;
  readonly since: string;
  readonly #admitted: AdmittedStream;
  readonly #ports: SessionPorts;
  readonly #protocol: SessionProtocol<U, L>;
  readonly #cancels = new Cancels();
  readonly #giveUp = new AbortController();
  readonly #closed = Promise.withResolvers<BackendFate>();
  #live: Live<U, L> | undefined;
  #cutting: { readonly reason: CutReason; readonly message: string } | undefined;
  #finishing = false;

  constructor(admitted: AdmittedStream, ports: SessionPorts, protocol: SessionProtocol<U, L>) {
    this.#admitted = admitted;
    this.#ports = ports;
    this.#protocol = protocol;
    this.id = ports.randomUUID();
    this.grantID = admitted.grant.grantID;
    this.since = new Date(ports.clock.now()).toISOString();
  }

  get cancelKey(): Session["cancelKey"] {
    return this.#protocol.cancelKey;
  }

  get thread(): Session["thread"] {
    return this.#live === undefined ? undefined : this.#protocol.thread;
  }

  /** Logs in to the server, greets the client and relays until either leaves or the session is cut. Never rejects. */
  async run(reader: ChunkReader): Promise<void> {
    const { stream, grant } = this.#admitted;
    const onClose = (): void => this.#giveUp.abort(new Error("the client left"));
    stream.once("close", onClose);
    this.#ports.sessions.add(this);
    try {
      const upstream = await this.#protocol.open(this.id, reader, this.#giveUp.signal);
      this.#ports.onHealth(grant, "Reachable", "logged in", upstream.serverVersion);
      await this.#begin(upstream, reader).catch((error: unknown) => {
        upstream.socket.destroy();
        throw error;
      });
    } catch (error) {
      reader.detach();
      this.#failOpening(error);
    } finally {
      stream.off("close", onClose);
    }
    await this.#closed.promise;
    this.#ports.sessions.remove(this);
  }

  async cancel(): Promise<void> {
    const live = this.#live;
    if (live !== undefined && !this.#finishing) {
      await this.#cancels
        .ask(() => this.#protocol.cancel(live.upstream, live.parts))
        .catch((error: unknown) =>
          this.#ports.log.warn("cancel request did not reach the database", { session: this.id, error }),
        );
    }
  }

  warn(message: string): void {
    const live = this.#live;
    if (live !== undefined) {
      this.#guarded(live, () => this.#protocol.warn(live.parts, message));
    }
  }

  cut(reason: CutReason, message: string): Promise<BackendFate> {
    if (this.#cutting === undefined && !this.#finishing) {
      this.#cutting = { reason, message };
      this.#giveUp.abort(new Error("the session was cut"));
      const live = this.#live;
      if (live !== undefined) {
        this.#cutLive(live, this.#cutting);
      }
    }
    return this.#closed.promise;
  }

  async #begin(upstream: U, reader: ChunkReader): Promise<void> {
    const loggedInMs = this.#ports.clock.monotonicMs();
    const noted = this.#noteBackend(upstream);
    const recorded = await this.#recordOpen(upstream);
    if (recorded === "full" || recorded === "too-large") {
      upstream.socket.destroy();
      this.#ports.backends.forget(this.id);
      if (recorded === "full") {
        this.#ports.journal.denied?.();
      }
      throw new OpeningNotRecorded();
    }
    const parts = this.#protocol.join(this.id, upstream, {
      onClientGone: (clean) => this.#clientGone(clean),
      onEnd: (end) => this.#relayEnded(end),
    });
    const live: Live<U, L> = { upstream, parts, loggedInMs, noted };
    this.#live = live;
    const rest = reader.detach();
    if (this.#cutting !== undefined) {
      this.#cutLive(live, this.#cutting);
    } else if (recorded === "given-up") {
      parts.relay.stop();
      void this.#finish(live, { reason: "client-closed", unanswered: "cut", force: true });
    } else {
      this.#guarded(live, () => {
        this.#admitted.stream.write(this.#protocol.greeting(upstream));
        parts.relay.start(rest, upstream.rest);
      });
    }
  }

  /** With `Remote` the record waits for the controller; the grant's end, and the client's leaving, do not. */
  #recordOpen(upstream: U): Promise<WriteResult | "given-up"> {
    const { journal, taskARN } = this.#ports;
    const { signal } = this.#giveUp;
    const record = openRecord(this.id, taskARN, this.#admitted, upstream);
    return new Promise((resolve) => {
      journal.writeThen(record, this.#admitted.grant.audit.durability, resolve);
      signal.addEventListener("abort", () => resolve("given-up"), { once: true });
      if (signal.aborted) {
        resolve("given-up");
      }
    });
  }

  #noteBackend({ processID, address }: U): NotedBackend | undefined {
    if (processID === undefined) {
      return undefined;
    }
    const { grantID, database, role } = this.#admitted.grant;
    const loggedIn = this.#ports.clock.now();
    const noted = { session: this.id, grantID, database, role, address, pid: processID, loggedIn };
    this.#ports.backends.note(noted);
    return noted;
  }

  #clientGone(clean: boolean): void {
    const live = this.#live;
    if (live === undefined || this.#finishing) {
      return;
    }
    if (!clean && live.parts.tracker.running !== undefined) {
      void this.cancel();
    }
    if (!clean) {
      // A server that was told good-bye closes by itself; an end on top of that would cross its own and turn into a reset.
      live.upstream.socket.end();
    }
    const cancelTimer = this.#ports.clock.after(closeTimeoutMs, () => {
      if (!this.#finishing) {
        live.parts.relay.stop();
        void this.#finish(live, { reason: "client-closed", unanswered: "cut", force: true });
      }
    });
    void this.#closed.promise.then(cancelTimer);
  }

  #relayEnded(end: RelayEnd): void {
    const live = this.#live;
    if (live !== undefined && !this.#finishing) {
      this.#guarded(live, () => this.#endAfter(live, end));
    }
  }

  #endAfter(live: Live<U, L>, end: RelayEnd): void {
    if (end.by === "defect") {
      this.#defect(live, end.error);
      return;
    }
    if (end.by === "server") {
      this.#admitted.stream.end();
      const words = live.parts.tracker.partingWords?.toString("utf8");
      void this.#finish(live, {
        reason: end.asked ? "client-closed" : "server-closed",
        ...(words === undefined ? {} : { message: redactMessage(words) }),
        unanswered: "unknown",
        force: false,
      });
      return;
    }
    this.#ports.log.warn("session ended by a protocol violation", {
      session: this.id,
      side: end.side,
      error: end.error,
    });
    this.#sayLast(live, end.error);
    void this.#finish(live, {
      reason: end.side === "audit" ? "audit-full" : "protocol-violation",
      message: end.error.message,
      unanswered: "cut",
      force: true,
    });
  }

  /** Whoever calls serves other sessions too: what fails here is this session's end only. */
  #guarded(live: Live<U, L>, step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#defect(live, error);
    }
  }

  /** What the rest of the session would do, or leave off the record, is not known any more: it ends at once. */
  #defect(live: Live<U, L>, error: unknown): void {
    if (this.#finishing) {
      return;
    }
    this.#logDefect(error);
    const defect = new SessionDefect();
    this.#sayLast(live, defect);
    void this.#finish(live, { reason: "error", message: defect.message, unanswered: "cut", force: true });
  }

  #logDefect(error: unknown): void {
    const { stack } = coerceError(error);
    this.#ports.log.error("session ended by a defect", { session: this.id, error, stack });
  }

  #cutLive(live: Live<U, L>, { reason, message }: { readonly reason: CutReason; readonly message: string }): void {
    this.#sayLast(live, new SessionCut(message));
    void this.#finish(live, { reason, message, unanswered: "cut", force: true });
  }

  /** An error can only stand between two messages; in the middle of one the stream just closes. */
  #sayLast(live: Live<U, L>, error: Error): void {
    const { stream } = this.#admitted;
    live.parts.relay.stop();
    if (stream.destroyed) {
      return;
    }
    const words = this.#lastWords(live, error);
    if (words === undefined) {
      stream.destroy();
    } else {
      stream.end(words);
      stream.resume();
    }
  }

  #lastWords(live: Live<U, L>, error: Error): Buffer | undefined {
    try {
      return live.parts.relay.clientAtBoundary ? this.#protocol.lastWords(error) : undefined;
    } catch (defect) {
      this.#logDefect(defect);
      return undefined;
    }
  }

  /** Never rejects. */
  async #finish(live: Live<U, L>, end: Ending): Promise<void> {
    if (this.#finishing) {
      return;
    }
    this.#finishing = true;
    let fate: BackendFate = "unknown";
    try {
      fate = await this.#end(live, end);
    } catch (error) {
      this.#logDefect(error);
    } finally {
      this.#closed.resolve(fate);
    }
  }

  async #end(live: Live<U, L>, asked: Ending): Promise<BackendFate> {
    const { upstream, parts, loggedInMs, noted } = live;
    const { end, running, isPipelined } = this.#endStatements(parts, asked);
    let fate: BackendFate;
    if (end.force) {
      fate = await this.#protocol.endBackend(upstream, { isPipelined, loggedInMs }).catch((): BackendFate => "unknown");
    } else {
      fate = upstream.socket.readableEnded ? "gone" : "unknown";
      upstream.socket.destroy();
    }
    this.#recordClose(parts.recorder, {
      kind: "session.close",
      session: this.id,
      reason: end.reason,
      ...(end.message === undefined ? {} : { message: end.message }),
      ...(running?.forwarded === true ? { inFlight: running.number } : {}),
      backend: fate,
    });
    if (fate === "gone") {
      this.#ports.backends.forget(this.id);
    } else if (end.force && noted !== undefined) {
      this.#ports.onLeft(noted);
    }
    return fate;
  }

  /** A defect in it must not keep the backend from being ended, nor the session's end off the record. */
  #endStatements({ tracker }: L, end: Ending): { end: Ending; running: L["tracker"]["running"]; isPipelined: boolean } {
    try {
      const { running, forwardedCount } = tracker;
      tracker.close(end.unanswered);
      return { end, running, isPipelined: forwardedCount > 1 };
    } catch (error) {
      this.#logDefect(error);
      const { message } = new SessionDefect();
      return { end: { ...end, reason: "error", message, force: true }, running: undefined, isPipelined: true };
    }
  }

  #recordClose(recorder: Recorder, close: SessionClose): void {
    try {
      recorder.write(close);
    } catch (error) {
      // The session was given up before its first record was written, and that one was not kept.
      this.#ports.log.error("end of a session could not be recorded", { session: this.id, error });
    }
  }

  #failOpening(error: unknown): void {
    const { stream, grant } = this.#admitted;
    const { log } = this.#ports;
    let reason = error;
    if (this.#cutting !== undefined) {
      reason = new SessionCut(this.#cutting.message);
    } else if (error instanceof StreamEnded) {
      stream.destroy();
      this.#closed.resolve("gone");
      return;
    } else if (error instanceof UpstreamError && !this.#giveUp.signal.aborted) {
      this.#ports.onHealth(grant, error.health, error.message, undefined, error.problem);
      log.warn("database could not be reached", { session: this.id, health: error.health, error });
    }
    let words = this.#protocol.lastWords(reason);
    if (words === undefined) {
      log.error("session could not be opened", { session: this.id, error });
      words = this.#protocol.lastWords(new UpstreamError("Unreachable", "the session could not be opened"));
    }
    stream.end(words);
    // Bytes that were never read would turn the close into a reset, which drops the error before the client sees it.
    stream.resume();
    // Nothing was opened, so there is no backend that could be left.
    this.#closed.resolve("gone");
  }
}
