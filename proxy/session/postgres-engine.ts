import type { Duplex } from "node:stream";
import type { Clock } from "#lib/clock.ts";
import { ProtocolViolation, sqlState } from "../postgres/protocol.ts";
import { ChunkReader, ignoreErrors, StreamEnded } from "../streams.ts";
import { DatabaseSession } from "./database-session.ts";
import type { AdmittedStream, Engine, SessionPorts } from "./engine.ts";
import { checkStartup, readClientOpening, refuseClient, speakRefusal } from "./opening.ts";
import { PostgresSession } from "./postgres-session.ts";

/** PostgreSQL, protocol 3.0 and 3.2. */
export const postgresEngine: Engine = {
  async serve(admitted, ports) {
    const { stream } = admitted;
    ignoreErrors(stream);
    const reader = new ChunkReader(stream);
    reader.unread(admitted.rest);
    try {
      await serve(admitted, ports, reader);
    } catch (error) {
      reader.detach();
      if (error instanceof ProtocolViolation) {
        refuseClient(stream, error.message, error.sqlState);
      } else {
        stream.destroy();
        if (!(error instanceof StreamEnded)) {
          ports.log.error("stream ended by a defect", { error });
        }
      }
    }
  },

  async refuse(stream: Duplex, rest: Buffer, message: string, clock: Clock) {
    ignoreErrors(stream);
    const reader = new ChunkReader(stream);
    reader.unread(rest);
    await speakRefusal(stream, reader, clock, message);
  },
};

async function serve(admitted: AdmittedStream, ports: SessionPorts, reader: ChunkReader): Promise<void> {
  const { stream, grant } = admitted;
  const opening = await readClientOpening(stream, reader, ports.clock);
  if (opening.kind === "cancel") {
    await ports.sessions.cancel(grant.grantID, opening.pid, opening.key);
    reader.detach();
    stream.destroy();
    return;
  }
  // The client may have taken its time since the handshake. From here to the registry there is no pause.
  const refusal = ports.refusalOf(grant.grantID);
  if (refusal !== undefined) {
    throw new ProtocolViolation(refusal, sqlState.ended);
  }
  const parameters = checkStartup(opening.parameters, {
    username: grant.role.username,
    databaseName: grant.database.databaseName,
  });
  const protocol = new PostgresSession(admitted, ports, opening.negotiated, parameters);
  await new DatabaseSession(admitted, ports, protocol).run(reader);
}
