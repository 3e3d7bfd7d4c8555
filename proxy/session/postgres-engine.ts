import type { Duplex } from "node:stream";
import type { Clock } from "#lib/clock.ts";
import { ProtocolViolation, sqlState } from "../postgres/protocol.ts";
import { StreamEnded } from "../streams.ts";
import { DatabaseSession } from "./database-session.ts";
import type { AdmittedStream, Engine, SessionPorts } from "./engine.ts";
import { checkStartup, ClientDoor, speakRefusal } from "./opening.ts";
import { PostgresSession } from "./postgres-session.ts";

/** PostgreSQL, protocol 3.0 and 3.2. */
export const postgresEngine: Engine = {
  async serve(admitted, ports) {
    const door = new ClientDoor(admitted.stream, admitted.rest);
    try {
      await serve(door, admitted, ports);
    } catch (error) {
      if (error instanceof ProtocolViolation) {
        door.refuse(error.message, error.sqlState);
      } else {
        door.close();
        if (!(error instanceof StreamEnded)) {
          ports.log.error("stream ended by a defect", { error });
        }
      }
    }
  },

  async refuse(stream: Duplex, rest: Buffer, message: string, clock: Clock) {
    await speakRefusal(new ClientDoor(stream, rest), clock, message);
  },
};

async function serve(door: ClientDoor, { grant, client }: AdmittedStream, ports: SessionPorts): Promise<void> {
  const opening = await door.opening(ports.clock);
  if (opening.kind === "cancel") {
    await ports.sessions.cancel(grant.grantID, opening.pid, opening.key);
    door.close();
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
  const admitted: AdmittedStream = { stream: door.stream, rest: Buffer.alloc(0), grant, client };
  const protocol = new PostgresSession(admitted, ports, opening.negotiated, parameters);
  await new DatabaseSession(admitted, ports, protocol).run(door.reader);
}
