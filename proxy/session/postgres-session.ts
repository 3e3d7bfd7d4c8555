import {
  encodeAuthenticationOk,
  encodeBackendKeyData,
  encodeError,
  encodeNegotiateVersion,
  encodeNotice,
  encodeParameterStatus,
  encodeReadyIdle,
} from "../postgres/encode.ts";
import { postgresJudge } from "../hazards/postgres-judge.ts";
import { postgresTrigger } from "../hazards/postgres-words.ts";
import { ProtocolViolation, sqlState, version32 } from "../postgres/protocol.ts";
import type { Negotiated } from "../postgres/startup.ts";
import { Tracker, type TrackerSink } from "../postgres/tracker.ts";
import type { ChunkReader } from "../streams.ts";
import { openUpstream, type Upstream } from "../upstream/login.ts";
import { cancelUpstream } from "../upstream/side.ts";
import { UpstreamError, type PasswordSource, type UpstreamTarget } from "../upstream/target.ts";
import {
  type OpenedUpstream,
  OpeningNotRecorded,
  type RelayEvents,
  SessionCut,
  SessionDefect,
  type SessionProtocol,
} from "./session-protocol.ts";
import type { BackendFate } from "./confirm.ts";
import { endBackend } from "./end.ts";
import type { AdmittedStream, SessionPorts } from "./engine.ts";
import { verifyRoleSettings } from "./verify-role-settings.ts";
import { Recorder, type SessionView } from "./recorder.ts";
import { Relay } from "./relay.ts";
import { SQLRedactor } from "./sql-redactor.ts";
import { textStore } from "./text-store.ts";

/** Key length for protocol 3.2, as servers use; 3.0 has room for 4 bytes only. */
const cancelKeyBytes = { old: 4, new: 32 } as const;

type PostgresUpstream = Upstream & OpenedUpstream;

interface PostgresLive {
  readonly relay: Relay;
  readonly tracker: Tracker;
  readonly recorder: Recorder;
}

/** What Postgres brings to one session. */
export class PostgresSession implements SessionProtocol<PostgresUpstream, PostgresLive> {
  readonly cancelKey: { readonly pid: number; readonly key: Buffer };
  readonly #admitted: AdmittedStream;
  readonly #ports: SessionPorts;
  readonly #negotiated: Negotiated;
  readonly #parameters: ReadonlyMap<string, string>;
  readonly #target: UpstreamTarget;
  readonly #password: PasswordSource;
  readonly #settings = new Map<string, string>();
  readonly #redactor = new SQLRedactor();
  readonly #quoted: { -readonly [Key in keyof SessionView]: SessionView[Key] } = {
    transaction: "idle",
    encoding: undefined,
    user: undefined,
  };

  /** `parameters` are those of the client's startup packet that go on to the server. */
  constructor(
    admitted: AdmittedStream,
    ports: SessionPorts,
    negotiated: Negotiated,
    parameters: ReadonlyMap<string, string>,
  ) {
    this.#admitted = admitted;
    this.#ports = ports;
    this.#negotiated = negotiated;
    this.#parameters = parameters;
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
      lookup: ports.lookup,
    };
    this.#password = ports.passwordOf(admitted.grant);
  }

  async open(_session: string, _reader: ChunkReader, signal: AbortSignal): Promise<PostgresUpstream> {
    const { grant } = this.#admitted;
    const { clock } = this.#ports;
    const login = {
      username: grant.role.username,
      databaseName: grant.database.databaseName,
      password: this.#password,
      parameters: this.#parameters,
    };
    const upstream = await openUpstream(this.#target, login, { clock, signal });
    const notices = await verifyRoleSettings(upstream, grant, { clock, signal, read: this.#ports.readRoleSettings });
    return {
      ...upstream,
      notices,
      processID: upstream.pid,
      serverVersion: upstream.parameters.get("server_version"),
      applicationName: this.#parameters.get("application_name"),
    };
  }

  join(session: string, upstream: PostgresUpstream, events: RelayEvents): PostgresLive {
    const { stream, grant } = this.#admitted;
    const { clock, journal } = this.#ports;
    for (const [name, value] of upstream.parameters) {
      this.#settings.set(name, value);
    }
    const recorder = new Recorder({
      session,
      journal,
      policy: grant.audit,
      view: () => this.#view(tracker),
      redactSQL: (sql) => this.#redactor.redact(sql),
      now: () => clock.now(),
      onDefect: (error) => events.onEnd({ by: "defect", error }),
    });
    // Settings that a statement changed are told with the next ReadyForQuery, which ends it here. Its answer may have come before.
    let unsettled = 0;
    const sink: TrackerSink = {
      started(number, start) {
        recorder.started(number, start);
        unsettled += 1;
      },
      ended(execution, end) {
        unsettled -= 1;
        recorder.ended(execution, end);
      },
    };
    const tracker: Tracker = new Tracker(sink, () => clock.monotonicMs());
    this.#applySettings(tracker);
    tracker.texts = textStore(
      recorder,
      () => this.#redactor.reading,
      (sql) => postgresTrigger.test(sql),
    );
    tracker.judge = postgresJudge(grant, () => ({
      standardStrings: tracker.standardStrings,
      isInFlux: unsettled > 0,
      encoding: this.#encoding,
    }));
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
      ...events,
    });
    return { relay, tracker, recorder };
  }

  /** The server's own parameters, with a cancel key of the proxy's own. */
  greeting(upstream: PostgresUpstream): Buffer {
    const { version, tell, unsupported } = this.#negotiated;
    const warning = this.#ports.warningOf(this.#admitted.grant.grantID);
    return Buffer.concat([
      ...(tell ? [encodeNegotiateVersion(version, unsupported)] : []),
      encodeAuthenticationOk(),
      ...[...upstream.parameters].map(([name, value]) => encodeParameterStatus(name, value)),
      ...(warning === undefined ? [] : [encodeWarning(warning)]),
      ...(upstream.key === undefined ? [] : [encodeBackendKeyData(this.cancelKey.pid, this.cancelKey.key)]),
      encodeReadyIdle(),
    ]);
  }

  lastWords(error: unknown): Buffer | undefined {
    if (error instanceof SessionCut) {
      return encodeFatal(error.message, sqlState.ended);
    }
    if (error instanceof SessionDefect) {
      return encodeFatal(error.message, sqlState.internalError);
    }
    if (error instanceof OpeningNotRecorded) {
      return encodeFatal(error.message, sqlState.ioError);
    }
    return error instanceof UpstreamError || error instanceof ProtocolViolation
      ? encodeFatal(error.message, error.sqlState)
      : undefined;
  }

  warn(live: PostgresLive, message: string): void {
    live.relay.notice(encodeWarning(message));
  }

  async cancel(upstream: PostgresUpstream, live: PostgresLive): Promise<void> {
    if (upstream.key !== undefined) {
      live.tracker.cancelAsked();
      await cancelUpstream({ ...this.#target, address: upstream.address }, upstream.key, { clock: this.#ports.clock });
    }
  }

  endBackend(upstream: PostgresUpstream, about: { isPipelined: boolean; loggedInMs: number }): Promise<BackendFate> {
    const { grant } = this.#admitted;
    return endBackend(
      {
        upstream,
        target: { ...this.#target, address: upstream.address },
        username: grant.role.username,
        databaseName: grant.database.databaseName,
        password: this.#password,
        ...about,
      },
      this.#ports.clock,
    );
  }

  /** Each call changes what the last one gave: whoever asks looks at once. */
  #view(tracker: Tracker): SessionView {
    this.#quoted.transaction = tracker.transaction;
    return this.#quoted;
  }

  get #encoding(): string {
    return this.#settings.get("client_encoding") ?? "UTF8";
  }

  #applySettings(tracker: Tracker): void {
    const user = this.#settings.get("session_authorization");
    tracker.standardStrings = this.#settings.get("standard_conforming_strings") !== "off";
    this.#redactor.set(tracker.standardStrings, this.#encoding);
    this.#quoted.encoding = this.#encoding === "UTF8" ? undefined : this.#encoding;
    this.#quoted.user = user === this.#admitted.grant.role.username ? undefined : user;
  }
}

const encodeFatal = (message: string, state: string): Buffer =>
  encodeError({ severity: "FATAL", sqlState: state, message });
const encodeWarning = (message: string): Buffer => encodeNotice({ severity: "WARNING", sqlState: "01000", message });
