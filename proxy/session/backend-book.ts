import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { EpochMs } from "#lib/clock.ts";
import type { LinkGrant } from "#wire/link.ts";

/** A backend that a session has in a database. It holds no secret: the password is read again when it is needed. */
export interface NotedBackend {
  readonly session: string;
  readonly grantID: string;
  readonly database: LinkGrant["database"];
  readonly role: LinkGrant["role"];
  /** IP address of its server: the name may lead to another one by the time the backend has to be ended. */
  readonly address: string;
  /** The server's own process ID of it. */
  readonly pid: number;
  /** When its login was answered, by the wall clock: another process may have to reckon with it. */
  readonly loggedIn: EpochMs;
}

/** What sessions need of the book. */
export type BackendNotes = Pick<BackendBook, "note" | "forget">;

/**
 * The backends of this task's sessions, on the task's own storage. A proxy that is killed cannot end what runs in the
 * database, and the server does not notice that its client has gone before the statement is done; the next process of the
 * task finds here what is left to end. One small file a session; what is torn by a crash is of a session that never began.
 */
export class BackendBook {
  readonly #directory: string;

  /** `directory` is made where it is missing. */
  constructor(directory: string) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#directory = directory;
  }

  /** Before the session's first statement can reach the backend. In the operating system when it returns. */
  note(backend: NotedBackend): void {
    writeFileSync(this.#file(backend.session), JSON.stringify(backend), { mode: 0o600 });
  }

  /** The session's backend is gone. */
  forget(session: string): void {
    rmSync(this.#file(session), { force: true });
  }

  /** Everything that is noted: at the start, what the last process left. */
  all(): NotedBackend[] {
    return readdirSync(this.#directory).flatMap((name) => {
      try {
        return [JSON.parse(readFileSync(join(this.#directory, name), "utf8")) as NotedBackend];
      } catch {
        rmSync(join(this.#directory, name), { force: true });
        return [];
      }
    });
  }

  #file(session: string): string {
    return join(this.#directory, `${session}.json`);
  }
}
