import type { Duplex } from "node:stream";
import type { ChunkReader } from "../streams.ts";
import type { BackendFate } from "./confirm.ts";
import { type Recorder, recordingFailureMessage } from "./recorder.ts";
import type { Session } from "./registry.ts";

/** A connection to a server that is logged in, as far as every protocol has it. */
export interface OpenedUpstream {
  readonly socket: Duplex;
  /** The server's own number of the backend: process ID, thread ID. Undefined where the server tells none. */
  readonly processID: number | undefined;
  /** IP address of the server: the number means nothing to another one behind the same name. */
  readonly address: string;
  readonly serverVersion: string | undefined;
  /** What the client calls itself in its login. */
  readonly applicationName: string | undefined;
  /** What a reader of the session's first record should notice. */
  readonly notices?: readonly string[];
  /** Bytes that followed the login. */
  readonly rest: Buffer;
}

/** Why a relay ended. */
export type RelayEnd =
  /** `asked`: the client had said that it leaves, or had gone. */
  | { readonly by: "server"; readonly asked: boolean }
  | { readonly by: "violation"; readonly side: "client" | "server" | "audit"; readonly error: Error }
  /** Code of the proxy's own failed. */
  | { readonly by: "defect"; readonly error: unknown };

/** What a relay tells its session. */
export interface RelayEvents {
  /** The client closed its stream; `clean` when it took its leave first. Answers are still followed until the server closes. */
  readonly onClientGone: (clean: boolean) => void;
  /** Called once. The streams are still open, and nothing more is forwarded. */
  readonly onEnd: (end: RelayEnd) => void;
}

/** The moving parts of one session, made by its protocol. */
export interface LiveParts {
  readonly relay: {
    /** Whether the stream to the client stands where an error can be put. */
    readonly clientAtBoundary: boolean;
    start(fromClient: Buffer, fromServer: Buffer): void;
    stop(): void;
  };
  readonly tracker: {
    readonly running: { readonly number: number; readonly forwarded: boolean } | undefined;
    /** Statements that the server has and has not answered. */
    readonly forwardedCount: number;
    /** With what words the server ended the connection, if with any. */
    readonly partingWords?: Buffer | undefined;
    /** Ends the record of every open statement. */
    close(unanswered: "cut" | "unknown"): void;
  };
  readonly recorder: Recorder;
}

/** The grant ended, or the proxy ends the session for another reason of its own. */
export class SessionCut extends Error {
  constructor(message: string) {
    super(message);
    this.name = "SessionCut";
  }
}

/** Code of the proxy's own failed while it served the session, which ends for that; its words tell the client no more than this. */
export class SessionDefect extends Error {
  constructor() {
    super("the session ended by a defect of the proxy");
    this.name = "SessionDefect";
  }
}

/** The session's first record found no room, so nothing may begin. */
export class OpeningNotRecorded extends Error {
  constructor() {
    super(recordingFailureMessage.full);
    this.name = "OpeningNotRecorded";
  }
}

/** What one database protocol brings to a session. */
export interface SessionProtocol<U extends OpenedUpstream, L extends LiveParts> {
  /** What a cancel request of the same grant must show; undefined where the protocol has none. */
  readonly cancelKey: Session["cancelKey"];
  /** The server's own number of the backend, where clients of the protocol cancel by it. */
  readonly thread?: Session["thread"];
  /** Connects and logs in; `signal` is aborted when the client leaves or the session is cut. Throws `UpstreamError` and violations. */
  open(session: string, reader: ChunkReader, signal: AbortSignal): Promise<U>;
  /** Makes relay, tracker and recorder; nothing flows yet. */
  join(session: string, upstream: U, events: RelayEvents): L;
  /** What tells the client that it is logged in. */
  greeting(upstream: U): Buffer;
  /**
   * What the client reads last, in its own protocol: `SessionCut`, `SessionDefect`, `OpeningNotRecorded`, `UpstreamError` and the protocol's own
   * violations. Undefined for anything else, which is a defect.
   */
  lastWords(error: unknown): Buffer | undefined;
  /** Tells the client something between two messages, where the protocol can. */
  warn(live: L, message: string): void;
  /** Asks the server to cancel what runs. */
  cancel(upstream: U, live: L): Promise<void>;
  /** Ends the backend by force and makes sure. `isPipelined`: the server has more than the one statement that it works on. */
  endBackend(upstream: U, about: { readonly isPipelined: boolean; readonly loggedInMs: number }): Promise<BackendFate>;
}
