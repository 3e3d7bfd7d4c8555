import { createServer as createHTTPServer } from "node:http";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { randomBytes } from "node:crypto";
import { parentPort } from "node:worker_threads";
import { systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { ssmService, type SsmService } from "#sandbox/ssm/service.ts";

/*
 * The far end of the tunnel bench, in a thread of its own as it is on a host of its own in life: the simulated session service
 * with its agent, and the server behind it. Its parent asks it for sessions.
 */

/** What the parent is told first. */
export interface FarEnd {
  /** Port of the server behind the agent, which is also what plain TCP is measured against. */
  readonly serverPort: number;
}

/** The parent asks for a session whose agent sends payloads of at most so many bytes. */
export interface BenchRequest {
  readonly payloadBytes: number;
}

/** The answer, as StartSession gives it. */
export interface BenchTicket {
  readonly SessionId: string;
  readonly TokenValue: string;
  readonly StreamUrl: string;
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

/** The simulated Session Manager; everyone may do everything, and every target is this host. */
async function startSessions(payloadMaxBytes: number): Promise<SsmService> {
  const http = createHTTPServer();
  const url = `http://127.0.0.1:${await listen(http)}`;
  const service = ssmService({
    clock: systemClock,
    random: randomBytes,
    log: silentLog,
    authorize: () => undefined,
    evaluate: () => "allow",
    targets: {
      find: (_accountID, name) => ({ name, resourceARN: "", tags: {}, connected: true, host: "127.0.0.1" }),
      onGone: () => undefined,
    },
    url: () => url,
    verifyUpgrade: () => undefined,
    options: { payloadMaxBytes },
  });
  http.on("upgrade", (request, socket, head) => service.handleDataChannelUpgrade(request, socket, head));
  return service;
}

async function startSession(service: SsmService, serverPort: number): Promise<BenchTicket> {
  const input = {
    Target: "ecs:bench",
    DocumentName: "AWS-StartPortForwardingSession",
    Parameters: { portNumber: [String(serverPort)], localPortNumber: ["0"] },
  };
  const caller = {
    accountID: "111122223333",
    arn: "arn:aws:sts::111122223333:assumed-role/bench/bench",
    userID: "AROABENCH:bench",
    accessKeyID: "ASIABENCH",
    permissions: () => "administrator" as const,
  };
  const call = { requestID: "bench", region: "eu-west-1", caller, headers: {} };
  return (await service.operations["StartSession"]?.(input, call)) as BenchTicket;
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

const serverPort = await listen(createServer(serve));
tell({ serverPort });
parentPort?.on("message", async ({ payloadBytes }: BenchRequest) => {
  tell(await startSession(await startSessions(payloadBytes), serverPort));
});

function tell(message: FarEnd | BenchTicket): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's port has no origin
  parentPort?.postMessage(message);
}
