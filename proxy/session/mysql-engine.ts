import { encodeError } from "../mysql/answers.ts";
import { encodePacket } from "../mysql/fields.ts";
import { errors } from "../mysql/violation.ts";
import { ChunkReader, ignoreErrors } from "../streams.ts";
import { DatabaseSession } from "./database-session.ts";
import type { Engine } from "./engine.ts";
import { MySqlSession } from "./mysql-session.ts";

/** MySQL and MariaDB, protocol 4.1. */
export const mysqlEngine: Engine = {
  async serve(admitted, ports) {
    const { stream, grant, rest } = admitted;
    ignoreErrors(stream);
    const refusal = ports.refusalOf(grant.grantID);
    if (refusal !== undefined) {
      stream.end(insteadOfGreeting(refusal));
      stream.resume();
      return;
    }
    const reader = new ChunkReader(stream);
    // A client that speaks before the server's greeting breaks the protocol; its login will say so.
    reader.unread(rest);
    await new DatabaseSession(admitted, ports, new MySqlSession(admitted, ports)).run(reader);
  },

  /** The server speaks first here, so there is nothing to wait for. */
  refuse(stream, _rest, message) {
    ignoreErrors(stream);
    stream.end(insteadOfGreeting(message));
    stream.resume();
    return Promise.resolve();
  },
};

/** An error takes the place of the greeting, without SQLSTATE since no capability is agreed yet. */
function insteadOfGreeting(message: string): Buffer {
  return encodePacket(0, encodeError(message, errors.accessDenied, false));
}
