import { redactBytes, type Redaction } from "#audit/redact/redact.ts";
import { type Text, textOf } from "#audit/text.ts";
import type { LinkGrant } from "#wire/link.ts";
import { agreedFlags, type Flags } from "../mysql/agree.ts";
import { capability } from "../mysql/capabilities.ts";
import { charsetOfCollation, isPlain } from "../mysql/charset.ts";
import { displayVersion } from "../mysql/greeting.ts";
import { killNotices, MySqlJudge } from "../hazards/mysql-judge.ts";
import type { KillStatement } from "../mysql/kill.ts";
import type { ClientLogin } from "../mysql/login.ts";
import type { Refusal } from "../mysql/queue.ts";
import { readOK } from "../mysql/replies.ts";
import { MySqlTracker } from "../mysql/tracker.ts";
import { type ErrorCode, errors, MySqlViolation } from "../mysql/violation.ts";
import type { ChunkReader } from "../streams.ts";
import {
  type GreetedServer,
  greetedByServer,
  logIn,
  type MySqlLogin,
  MySqlUpstreamError,
} from "../upstream/mysql-login.ts";
import type { MySqlUpstream, Proof } from "../upstream/mysql-login.ts";
import { quit } from "../upstream/mysql-side.ts";
import { UpstreamError, type PasswordSource, type UpstreamTarget } from "../upstream/target.ts";
import { withPassword } from "../upstream/with-password.ts";
import type { BackendFate, BackendRef } from "./confirm.ts";
import {
  type OpenedUpstream,
  OpeningNotRecorded,
  type RelayEvents,
  SessionCut,
  SessionDefect,
} from "./session-protocol.ts";
import type { SessionProtocol } from "./session-protocol.ts";
import type { AdmittedStream, SessionPorts } from "./engine.ts";
import { cancelThread, endThread } from "./mysql-end.ts";
import { MySqlDoor } from "./mysql-opening.ts";
import { MySqlRelay } from "./mysql-relay.ts";
import { Recorder, type SessionView } from "./recorder.ts";
import type { Session } from "./registry.ts";

type Opened = MySqlUpstream & OpenedUpstream & { readonly login: ClientLogin; readonly agreed: Flags };

interface MySqlLive {
  readonly relay: MySqlRelay;
  readonly tracker: MySqlTracker;
  readonly recorder: Recorder;
}

/** What MySQL and MariaDB bring to one session. */
export class MySqlSession implements SessionProtocol<Opened, MySqlLive> {
  readonly cancelKey = undefined;
  readonly #admitted: AdmittedStream;
  readonly #ports: SessionPorts;
  readonly #target: UpstreamTarget;
  readonly #password: PasswordSource;
  #door: MySqlDoor | undefined;
  #thread: Session["thread"];
  #live: MySqlLive | undefined;

  constructor(admitted: AdmittedStream, ports: SessionPorts) {
    this.#admitted = admitted;
    this.#ports = ports;
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

  get thread(): Session["thread"] {
    return this.#thread;
  }

  /** The server greets first; what it said is what the client is told, and what the client can is what the server is asked for. */
  async open(_session: string, reader: ChunkReader, signal: AbortSignal): Promise<Opened> {
    const { stream } = this.#admitted;
    const options = { clock: this.#ports.clock, signal };
    const door = new MySqlDoor(stream, reader, this.#ports.randomBytes);
    this.#door = door;
    let login: ClientLogin | undefined;
    return withPassword(this.#password, signal, async (password) => {
      const greeted = await greetedByServer(this.#target, options);
      const { greeting } = greeted;
      const proof = { password, isToken: this.#password.isToken === true };
      // Once the client is logged in, another try with another password is none of its business.
      login ??= await this.#clientLogin(door, greeted, proof, signal);
      const agreed = agreedFlags(login, greeting);
      const upstream = await logIn(greeted, this.#target, this.#serverLogin(login, agreed), proof, options);
      this.#thread = { address: upstream.address, id: greeting.threadID };
      return {
        ...upstream,
        login,
        agreed,
        processID: greeting.threadID,
        serverVersion: displayVersion(greeting),
        applicationName: (login.attributes.get("program_name") ?? login.attributes.get("_client_name"))?.toString(
          "utf8",
        ),
      };
    });
  }

  join(session: string, upstream: Opened, events: RelayEvents): MySqlLive {
    const { stream, grant } = this.#admitted;
    const { clock, journal } = this.#ports;
    const recorder = new Recorder({
      session,
      journal,
      policy: grant.audit,
      view: () => this.#view(tracker),
      redactSQL: (sql) => redactSQL(sql, tracker),
      now: () => clock.now(),
      onDefect: (error) => events.onEnd({ by: "defect", error }),
    });
    const tracker: MySqlTracker = new MySqlTracker(recorder, () => clock.monotonicMs(), {
      capabilities: upstream.agreed.flags,
      mariaDBCapabilities: upstream.agreed.extended,
      isMariaDB: upstream.greeting.isMariaDB,
      version: upstream.greeting.version,
      charset: charsetOfCollation(upstream.login.charset),
      database: Buffer.from(grant.database.databaseName, "utf8"),
      status: readOK(upstream.ok, (upstream.agreed.flags & capability.sessionTrack) !== 0).status,
    });
    const judge = new MySqlJudge(grant, () => ({
      ansiQuotes: tracker.session.ansiQuotes,
      noBackslashEscapes: tracker.session.noBackslashEscapes,
      encoding: redactionEncodings[tracker.session.charset] ?? "UTF8",
      schema: tracker.session.database?.toString("latin1").toLowerCase() ?? "",
    }));
    const relay = new MySqlRelay({
      client: stream,
      server: upstream.socket,
      tracker,
      recorder,
      onKill: (kill: KillStatement) => this.#refuseKill(kill),
      judge: (start) => judge.statement(start),
      ...events,
    });
    const live = { relay, tracker, recorder };
    this.#live = live;
    return live;
  }

  /** The server's own words, which hold its session's state. */
  greeting(upstream: Opened): Buffer {
    return this.#door?.welcome(upstream.ok) ?? Buffer.alloc(0);
  }

  lastWords(error: unknown): Buffer | undefined {
    const code = codeOf(error);
    if (code === undefined || this.#door === undefined) {
      return undefined;
    }
    const { message } = error as Error;
    return this.#live === undefined ? this.#door.refusal(message, code) : this.#live.relay.lastWords(message, code);
  }

  /** The protocol lets a server say nothing between two commands; the grantee's CLI says it instead. */
  warn(): void {}

  async cancel(upstream: Opened): Promise<void> {
    await cancelThread({ upstream, ...this.#way(upstream) }, this.#ports.clock);
  }

  endBackend(upstream: Opened, about: { isPipelined: boolean; loggedInMs: number }): Promise<BackendFate> {
    return endThread({ upstream, ...this.#way(upstream), ...about }, this.#ports.clock);
  }

  async #clientLogin(door: MySqlDoor, greeted: GreetedServer, proof: Proof, signal: AbortSignal): Promise<ClientLogin> {
    const { role, database } = this.#admitted.grant;
    const granted = { username: role.username, databaseName: database.databaseName };
    try {
      return await door.login(greeted.greeting, granted, this.#ports.clock, signal);
    } catch (error) {
      await this.#completeLogin(greeted, proof);
      throw error;
    }
  }

  /**
   * Logs in and takes leave at once. A login that is broken off in the middle counts against the proxy's address, and after
   * `max_connect_errors` of them (100 by default) the server lets nobody in from there: one person could lock out all others.
   */
  async #completeLogin(greeted: GreetedServer, proof: Proof): Promise<void> {
    const nobody = { flags: greeted.greeting.flags, extended: 0 };
    const login = { ...this.#serverLogin(undefined, agreedFlags(nobody, greeted.greeting)), databaseName: undefined };
    await logIn(greeted, this.#target, login, proof, { clock: this.#ports.clock }).then(quit, () => {});
  }

  #serverLogin(client: ClientLogin | undefined, agreed: Flags): MySqlLogin {
    const { role, database }: LinkGrant = this.#admitted.grant;
    return {
      ...agreed,
      maxPacketBytes: client?.maxPacketBytes ?? 0,
      charset: client?.charset ?? 0,
      username: role.username,
      databaseName: database.databaseName,
      attributes: client?.attributes ?? new Map(),
    };
  }

  #view({ session }: MySqlTracker): SessionView {
    const { databaseName } = this.#admitted.grant.database;
    const database = session.database?.toString("utf8") ?? "";
    return {
      transaction: session.transaction,
      encoding: isPlain(session.charset) ? undefined : session.charset,
      user: undefined,
      database: database === databaseName ? undefined : textOf(session.database ?? Buffer.alloc(0)),
    };
  }

  /** How to reach the server of this session again, and no other. */
  #way({ address }: Opened): { target: BackendRef["target"]; username: string; password: PasswordSource } {
    const target = { ...this.#target, address };
    return { target, username: this.#admitted.grant.role.username, password: this.#password };
  }

  /** The server would let a role end any of its own connections. A role is shared by people, a grant is not. */
  #refuseKill({ thread }: KillStatement): Refusal | undefined {
    if (typeof thread !== "number") {
      const message = "KILL is available here with the number of one connection only";
      return { code: errors.killDenied, message, notices: killNotices };
    }
    const { grantID } = this.#admitted.grant;
    const address = this.#thread?.address;
    return address !== undefined && this.#ports.sessions.hasThread(grantID, { address, id: thread })
      ? undefined
      : { code: errors.noSuchThread, message: `Unknown thread id: ${thread}`, notices: killNotices };
  }
}

/** Character sets in which half a character can look like a quote, by the names that redaction knows them by. */
const redactionEncodings: Readonly<Record<string, string>> = {
  sjis: "SJIS",
  cp932: "SJIS",
  big5: "BIG5",
  gbk: "GBK",
  gb18030: "GB18030",
};

function redactSQL(sql: Buffer, { session }: MySqlTracker): Redaction<Text> {
  const { ansiQuotes, noBackslashEscapes, charset } = session;
  return redactBytes(sql, "mysql", {
    ansiQuotes,
    noBackslashEscapes,
    encoding: redactionEncodings[charset] ?? "UTF8",
  });
}

/** Undefined for an error that is a defect. */
function codeOf(error: unknown): ErrorCode | undefined {
  if (error instanceof SessionCut) {
    return errors.interrupted;
  }
  if (error instanceof SessionDefect) {
    return errors.unknown;
  }
  if (error instanceof OpeningNotRecorded) {
    return errors.notWritten;
  }
  if (error instanceof MySqlUpstreamError || error instanceof MySqlViolation) {
    return error;
  }
  return error instanceof UpstreamError ? errors.unreachable : undefined;
}
