import { createServer as createHTTPServer } from "node:http";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { randomBytes } from "node:crypto";
import { parentPort } from "node:worker_threads";
import { WebSocketServer } from "ws";
import { systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { defaultSessionTimes } from "#sandbox/ssm/options.ts";
import { Session } from "#sandbox/ssm/session.ts";

/*
 * The far end of the tunnel bench, in a thread of its own as it is on a host of its own in life: the simulated session service
 * with its agent, and the server behind it. Tells its parent the two ports and then only serves.
 */

/** What the parent is told. */
export interface FarEnd {
  /** Port of the websocket; the path's last part is the agent's largest payload, bytes. */
  readonly sessionPort: number;
  /** Port of the server behind the agent, which is also what plain TCP is measured against. */
  readonly serverPort: number;
}

const chunk = Buffer.alloc(64 * 1024, 0x2a);

/** Serves one command per connection: `D<n>` discards n bytes and answers, `S<n>` sends n bytes, `E0` echoes. Commands are 16 bytes. */
function serve(socket: Socket): void {
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.once("readable", () => {
    const command = String(socket.read(16));
    const count = Number(command.slice(1));
    switch (command[0]) {
      case "D":
        discard(socket, count);
        return;
      case "S":
        supply(socket, count);
        return;
      default:
        socket.pipe(socket);
    }
  });
}

function discard(socket: Socket, count: number): void {
  let left = count;
  socket.on("data", (bytes) => {
    left -= bytes.length;
    if (left <= 0) {
      socket.write("k");
    }
  });
}

function supply(socket: Socket, count: number): void {
  let left = count;
  const more = (): void => {
    while (left > 0) {
      const bytes = left < chunk.length ? chunk.subarray(0, left) : chunk;
      left -= bytes.length;
      if (!socket.write(bytes)) {
        socket.once("drain", more);
        return;
      }
    }
  };
  more();
}

function startSessions(serverPort: number): Server {
  const http = createHTTPServer();
  const websockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  http.on("upgrade", (request, socket, head) => {
    websockets.handleUpgrade(request, socket, head, (websocket) => {
      const payloadMaxBytes = Number((request.url ?? "").split("/").at(-1));
      const session = new Session(
        {
          sessionID: "bench",
          accountID: "111122223333",
          region: "eu-west-1",
          targetName: "ecs:bench",
          documentName: "AWS-StartPortForwardingSession",
          reason: undefined,
          ownerARN: "",
          ownerUserID: "",
          destination: { host: "127.0.0.1", port: serverPort },
          properties: { portNumber: String(serverPort), localPortNumber: "0", type: "LocalPortForwarding" },
        },
        { clock: systemClock, random: randomBytes, log: silentLog, times: defaultSessionTimes, payloadMaxBytes },
      );
      websocket.once("message", () => session.attach(websocket));
    });
  });
  return http;
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

const serverPort = await listen(createServer(serve));
const sessionPort = await listen(startSessions(serverPort));
parentPort?.postMessage({ sessionPort, serverPort } satisfies FarEnd);
