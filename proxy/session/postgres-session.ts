import type { WriteResult } from "#audit/journal.ts";
import type { CloseReason, SessionClose } from "#audit/record.ts";
import { redactMessage } from "#audit/redact/message.ts";
import { redactBytes } from "#audit/redact/redact.ts";
import {
  encodeAuthenticationOk,
  encodeBackendKeyData,
  encodeError,
  encodeNegotiateVersion,
  encodeNotice,
  encodeParameterStatus,
  encodeReadyIdle,
} from "../postgres/encode.ts";
import { ProtocolViolation, sqlState, version32 } from "../postgres/protocol.ts";
import type { Negotiated } from "../postgres/startup.ts";
import { Tracker } from "../postgres/tracker.ts";
import type { ChunkReader } from "../streams.ts";
import { openUpstream, type Upstream } from "../upstream/login.ts";
import { cancelUpstream } from "../upstream/side.ts";
import { UpstreamError, type PasswordSource, type UpstreamTarget } from "../upstream/target.ts";
import type { NotedBackend } from "./backend-book.ts";
import { type BackendFate, endBackend } from "./end.ts";
import type { AdmittedStream, SessionPorts } from "./engine.ts";
import { refuseClient } from "./opening.ts";
import { openRecord } from "./open-record.ts";
import { Recorder } from "./recorder.ts";
import type { CutReason, Session } from "./registry.ts";
import { recordingViolation, Relay, type RelayEnd } from "./relay.ts";

/** Key length for protocol 3.2, as servers use; 3.0 has room for 4 bytes only. */
const cancelKeyBytes = { old: 4, new: 32 } as const;
/** How long a server may take to close after its client left, before its backend is ended by force. */
export const closeTimeoutMs = 10_000;

interface Live {
  readonly upstream: Upstream;
  readonly relay: Relay;
  readonly tracker: Tracker;
  readonly recorder: Recorder;
  readonly loggedInMs: number;
  /** Undefined where the server tells no process ID. */
  readonly noted: NotedBackend | undefined;
}

/** One client's connection to a Postgres server, from its startup packet to its last record. */
export class PostgresSession implements Session {
  readonly id: string;
  readonly grantID: string;
  readonly since: string;
  readonly cancelKey: { readonly pid: number; readonly key: Buffer };
  readonly #admitted: AdmittedStream;
  readonly #ports: SessionPorts;
  readonly #negotiated: Negotiated;
  readonly #target: UpstreamTarget;
  readonly #password: PasswordSource;
  readonly #settings = new Map<string, string>();
  readonly #giveUp = new AbortController();
  readonly #closed = Promise.withResolvers<BackendFate>();
  #live: Live | undefined;
  #cutting: { readonly reason: CutReason; readonly message: string } | undefined;
  #finishing = false;

  constructor(admitted: AdmittedStream, ports: SessionPorts, negotiated: Negotiated) {
    this.#admitted = admitted;
    this.#ports = ports;
    this.#negotiated = negotiated;
    this.id = ports.randomUUID();
    this.grantID = admitted.grant.grantID;
    this.since = new Date(ports.clock.now()).toISOString();
    const length = negotiated.version === version32 ? cancelKeyBytes.new : cancelKeyBytes.old;
    // A positive pid, since clients show it; it is the proxy's own and means nothing to the server.
    this.cancelKey = {
      pid: (ports.randomBytes(4).readUInt32BE(0) >>> 1) | 1,
      key: ports.randomBytes(length),
    };
    const { database } = admitted.grant;
    this.#target = {
      host: database.host,
      port: database.port,
      tlsMode: database.tlsMode,
      authorities: ports.authorities,
    };
    this.#password = ports.passwordOf(admitted.grant);
  }

  /** Logs in to the server, greets the client and relays until either leaves or the session is cut. Never rejects. */
  async run(reader: ChunkReader, parameters: ReadonlyMap<string, string>): Promise<void> {
    const { stream, grant } = this.#admitted;
    const onClose = (): void => this.#giveUp.abort(new Error("the client left"));
    stream.once("close", onClose);
    this.#ports.sessions.add(this);
    try {
      const upstream = await openUpstream(
        this.#target,
        {
          username: grant.role.username,
          databaseName: grant.database.databaseName,
          password: this.#password,
          parameters,
        },
        { clock: this.#ports.clock, signal: this.#giveUp.signal },
      );
      const version = upstream.parameters.get("server_version");
      this.#ports.onHealth(grant, "Reachable", "logged in", version);
      await this.#begin(upstream, reader, parameters).catch((error: unknown) => {
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
    if (live?.upstream.key !== undefined && !this.#finishing) {
      live.tracker.cancelAsked();
      await cancelUpstream(this.#target, live.upstream.key, { clock: this.#ports.clock }).catch((error: unknown) =>
        this.#ports.log.warn("cancel request did not reach the database", { session: this.id, error }),
      );
    }
  }

  warn(message: string): void {
    this.#live?.relay.notice(encodeWarning(message));
  }

  cut(reason: CutReason, message: string): Promise<BackendFate> {
    if (this.#cutting === undefined && !this.#finishing) {
      this.#cutting = { reason, message };
      this.#giveUp.abort(new Error("the grant ended"));
      const live = this.#live;
      if (live !== undefined) {
        this.#sayFatal(live, message, sqlState.ended);
        void this.#finish(live, { reason, message, unanswered: "cut", force: true });
      }
    }
    return this.#closed.promise;
  }

  async #begin(upstream: Upstream, reader: ChunkReader, parameters: ReadonlyMap<string, string>): Promise<void> {
    const { stream, grant } = this.#admitted;
    const { clock, journal } = this.#ports;
    const loggedInMs = clock.monotonicMs();
    for (const [name, value] of upstream.parameters) {
      this.#settings.set(name, value);
    }
    const noted = this.#noteBackend(upstream);
    const { signal } = this.#giveUp;
    const record = openRecord(this.id, this.#ports.taskARN, this.#admitted, upstream, parameters);
    const recorded = await new Promise<WriteResult | "given-up">((resolve) => {
      journal.writeThen(record, grant.audit.durability, resolve);
      // With `Remote` the record waits for the controller; the grant's end, and the client's leaving, do not.
      signal.addEventListener("abort", () => resolve("given-up"), { once: true });
      if (signal.aborted) {
        resolve("given-up");
      }
    });
    if (recorded === "full" || recorded === "too-large") {
      upstream.socket.destroy();
      this.#ports.backends.forget(this.id);
      throw recordingViolation("full");
    }
    const recorder = new Recorder({
      session: this.id,
      journal,
      policy: grant.audit,
      view: () => this.#view(tracker),
      redactSQL: (sql) =>
        redactBytes(sql, "postgres", {
          standardConformingStrings: tracker.standardStrings,
          encoding: this.#encoding,
        }),
      now: () => clock.now(),
    });
    const tracker: Tracker = new Tracker(recorder, () => clock.monotonicMs());
    this.#applySettings(tracker);
    const relay = new Relay({
      client: stream,
      server: upstream.socket,
      tracker,
      recorder,
      onParameter: (name, value) => {
        // No more names than the server told at login: it cannot fill the memory.
        if (this.#settings.has(name)) {
          this.#settings.set(name, value);
          this.#applySettings(tracker);
        }
      },
      onClientGone: (clean) => this.#clientGone(clean),
      onEnd: (end) => this.#relayEnded(end),
    });
    const live: Live = { upstream, relay, tracker, recorder, loggedInMs, noted };
    this.#live = live;
    const rest = reader.detach();
    if (this.#cutting !== undefined) {
      const { reason, message } = this.#cutting;
      this.#sayFatal(live, message, sqlState.ended);
      void this.#finish(live, { reason, message, unanswered: "cut", force: true });
      return;
    }
    if (recorded === "given-up") {
      relay.stop();
      void this.#finish(live, { reason: "client-closed", unanswered: "cut", force: true });
      return;
    }
    stream.write(this.#greeting(upstream));
    relay.start(rest, upstream.rest);
  }

  #noteBackend({ key }: Upstream): NotedBackend | undefined {
    if (key === undefined) {
      return undefined;
    }
    const { grantID, database, role } = this.#admitted.grant;
    const loggedIn = this.#ports.clock.now();
    const noted = { session: this.id, grantID, database, role, pid: key.pid, loggedIn };
    this.#ports.backends.note(noted);
    return noted;
  }

  /** The server's own parameters, with a cancel key of the proxy's own. */
  #greeting(upstream: Upstream): Buffer {
    const { version, tell, unsupported } = this.#negotiated;
    const warning = this.#ports.warningOf(this.grantID);
    return Buffer.concat([
      ...(tell ? [encodeNegotiateVersion(version, unsupported)] : []),
      encodeAuthenticationOk(),
      ...[...upstream.parameters].map(([name, value]) => encodeParameterStatus(name, value)),
      ...(warning === undefined ? [] : [encodeWarning(warning)]),
      ...(upstream.key === undefined ? [] : [encodeBackendKeyData(this.cancelKey.pid, this.cancelKey.key)]),
      encodeReadyIdle(),
    ]);
  }

  #view(tracker: Tracker): ReturnType<ConstructorParameters<typeof Recorder>[0]["view"]> {
    const user = this.#settings.get("session_authorization");
    return {
      transaction: tracker.transaction,
      encoding: this.#encoding === "UTF8" ? undefined : this.#encoding,
      user: user === this.#admitted.grant.role.username ? undefined : user,
    };
  }

  get #encoding(): string {
    return this.#settings.get("client_encoding") ?? "UTF8";
  }

  #applySettings(tracker: Tracker): void {
    tracker.standardStrings = this.#settings.get("standard_conforming_strings") !== "off";
  }

  #clientGone(clean: boolean): void {
    const live = this.#live;
    if (live === undefined || this.#finishing) {
      return;
    }
    if (!clean && live.tracker.running !== undefined) {
      void this.cancel();
    }
    live.upstream.socket.end();
    const cancelTimer = this.#ports.clock.after(closeTimeoutMs, () => {
      if (!this.#finishing) {
        live.relay.stop();
        void this.#finish(live, { reason: "client-closed", unanswered: "cut", force: true });
      }
    });
    void this.#closed.promise.then(cancelTimer);
  }

  #relayEnded(end: RelayEnd): void {
    const live = this.#live;
    if (live === undefined || this.#finishing) {
      return;
    }
    if (end.by === "server") {
      this.#admitted.stream.end();
      const words = live.tracker.partingWords?.toString("utf8");
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
    this.#sayFatal(live, end.error.message, end.error.sqlState);
    void this.#finish(live, {
      reason: end.side === "audit" ? "audit-full" : "protocol-violation",
      message: end.error.message,
      unanswered: "cut",
      force: true,
    });
  }

  /** An error can only stand between two messages; in the middle of one the stream just closes. */
  #sayFatal(live: Live, message: string, state: string): void {
    const { stream } = this.#admitted;
    live.relay.stop();
    if (stream.destroyed) {
      return;
    }
    if (live.relay.clientAtBoundary) {
      stream.end(encodeError({ severity: "FATAL", sqlState: state, message }));
      stream.resume();
    } else {
      stream.destroy();
    }
  }

  async #finish(
    live: Live,
    end: { reason: CloseReason; message?: string; unanswered: "cut" | "unknown"; force: boolean },
  ): Promise<void> {
    if (this.#finishing) {
      return;
    }
    this.#finishing = true;
    const { grant } = this.#admitted;
    const running = live.tracker.running;
    const isPipelined = live.tracker.forwardedCount > 1;
    live.tracker.close(end.unanswered);
    let fate: BackendFate = "gone";
    if (end.force) {
      fate = await endBackend(
        {
          upstream: live.upstream,
          target: this.#target,
          username: grant.role.username,
          databaseName: grant.database.databaseName,
          password: this.#password,
          isPipelined,
          loggedInMs: live.loggedInMs,
        },
        this.#ports.clock,
      ).catch((): BackendFate => "unknown");
    } else {
      fate = live.upstream.socket.readableEnded ? "gone" : "unknown";
      live.upstream.socket.destroy();
    }
    this.#recordClose(live, {
      kind: "session.close",
      session: this.id,
      reason: end.reason,
      ...(end.message === undefined ? {} : { message: end.message }),
      ...(running?.forwarded === true ? { inFlight: running.number } : {}),
      backend: fate,
    });
    if (fate === "gone") {
      this.#ports.backends.forget(this.id);
    } else if (end.force && live.noted !== undefined) {
      this.#ports.onLeft(live.noted);
    }
    this.#closed.resolve(fate);
  }

  #recordClose(live: Live, close: SessionClose): void {
    try {
      live.recorder.write(close);
    } catch (error) {
      // The session was given up before its first record was written, and that one was not kept.
      this.#ports.log.error("end of a session could not be recorded", { session: this.id, error });
    }
  }

  #failOpening(error: unknown): void {
    const { stream, grant } = this.#admitted;
    if (this.#cutting !== undefined) {
      refuseClient(stream, this.#cutting.message, sqlState.ended);
    } else if (error instanceof UpstreamError) {
      if (!this.#giveUp.signal.aborted) {
        this.#ports.onHealth(grant, error.health, error.message);
        this.#ports.log.warn("database could not be reached", { session: this.id, health: error.health, error });
      }
      refuseClient(stream, error.message, error.sqlState);
    } else if (error instanceof ProtocolViolation) {
      refuseClient(stream, error.message, error.sqlState);
    } else {
      this.#ports.log.error("session could not be opened", { session: this.id, error });
      refuseClient(stream, "the session could not be opened", sqlState.connectionFailure);
    }
    // Nothing was opened, so there is no backend that could be left.
    this.#closed.resolve("gone");
  }
}

const encodeWarning = (message: string): Buffer => encodeNotice({ severity: "WARNING", sqlState: "01000", message });
