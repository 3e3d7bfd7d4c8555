import type { LookupFunction } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";
import type { DatabaseProblem, LinkGrant } from "#wire/link.ts";
import type { readRoleSettings } from "../hazards/role-settings.ts";
import type { Health, PasswordSource } from "../upstream/target.ts";
import type { BackendNotes, NotedBackend } from "./backend-book.ts";
import type { SessionJournal } from "./journal-port.ts";
import type { SessionRegistry } from "./registry.ts";

/** What sessions of every engine work with. */
export interface SessionPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly journal: SessionJournal;
  readonly sessions: SessionRegistry;
  /** Remembers what must be ended should this process be killed. */
  readonly backends: BackendNotes;
  /** A cut could not confirm that a backend is gone: somebody goes on trying. */
  readonly onLeft: (backend: NotedBackend) => void;
  /** Authorities that may sign a database's certificate, PEM. */
  readonly authorities: readonly string[];
  /** How a database's name is resolved; absent: as the system does. */
  readonly lookup?: LookupFunction;
  readonly taskARN: string;
  readonly passwordOf: (grant: LinkGrant) => PasswordSource;
  readonly randomBytes: (count: number) => Buffer;
  readonly randomUUID: () => string;
  /** Why nobody may begin a session under this grant now; undefined when one may. Asked last thing before one begins. */
  readonly refusalOf: (grantID: string) => string | undefined;
  /** What a client should be told at once, because the grant's end is near. */
  readonly warningOf: (grantID: string) => string | undefined;
  /** Asks a Postgres server what settings a session has inherited; absent in tests that play the server themselves. */
  readonly readRoleSettings?: typeof readRoleSettings;
  /** What was learned of a database role. */
  readonly onHealth: (
    grant: LinkGrant,
    health: Health,
    detail: string,
    serverVersion?: string,
    problem?: DatabaseProblem,
  ) => void;
}

/** A stream that was let in, with the bytes that followed the handshake. */
export interface AdmittedStream {
  readonly stream: Duplex;
  readonly rest: Buffer;
  readonly grant: LinkGrant;
  /** What the client's software calls itself. */
  readonly client: string;
}

/** Speaks one database protocol. */
export interface Engine {
  /** Serves a stream to its end. Never rejects. */
  serve(admitted: AdmittedStream, ports: SessionPorts): Promise<void>;
  /** Answers the client's first message with a reason in the database's own protocol. Never rejects. */
  refuse(stream: Duplex, rest: Buffer, message: string, clock: Clock): Promise<void>;
}
