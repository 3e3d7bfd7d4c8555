import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "#lib/clock.ts";
import { UserError } from "#lib/errors.ts";
import type { SessionTrack } from "./session-track.ts";

/**
 * Demands a password of this computer's own at the local port, in the database's protocol, before anything of the client's reaches the
 * database. Each rejects with a `UserError` when the password is wrong or missing; the client has been told then, and the socket is being
 * closed.
 */
export type LocalLogin =
  /** PostgreSQL: the password comes first. Resolves with the bytes that the server must get from the client before all others. */
  | { readonly speaks: "client"; demand(socket: Socket, clock: Clock): Promise<Buffer> }
  /** MySQL: the server's greeting comes first, and the client's answer to it proves the password. */
  | {
      readonly speaks: "server";
      demand(socket: Socket, stream: Duplex, track: SessionTrack, clock: Clock): Promise<void>;
    };

/** PostgreSQL's `authentication_timeout` is a minute and MySQL's `connect_timeout` 10 s: clients answer at once, people were asked before. */
export const loginTimeoutMs = 10_000;

const wrongCode = "LocalPasswordWrong";

/** The client did not prove the local password. It has been told. */
export function wrongPassword(why: string): UserError {
  return new UserError(wrongCode, "a client did not give the local password", {
    why,
    next: "Take the password from sallyport rds proxy --local-password --show-password, or use the files that it names.",
  });
}

/** Whether the client has been told, and its socket closed. */
export function hasBeenTold(error: Error): boolean {
  return error instanceof UserError && ["ClientSilent", "ClientGone", wrongCode].includes(error.code);
}

/** What the client is told. */
export const wrongPasswordText =
  "sallyport: this port demands the local password, and it was not given. Run sallyport rds proxy with --show-password to see it, or use the password file that it names";
