import { once } from "node:events";
import { createServer as createHTTPServer } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { manualClock } from "#lib/clock.ts";
import type { ManualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { createAuthorize } from "../authorize.ts";
import { randomFrom } from "../ids.ts";
import { createEvaluate } from "../policy/verdict.ts";
import type { Call, Caller } from "../service.ts";
import type { SsmOptions } from "./options.ts";
import { ssmService } from "./service.ts";
import type { SsmService } from "./service.ts";
import type { Target } from "./target.ts";
import type { Ticket } from "./test-client.ts";

/** The one target of a bench, and a task that its tags do not describe. */
export const targetName = `ecs:main_${"0".repeat(32)}_${"0".repeat(32)}-0123456789`;
export const otherTargetName = `ecs:main_${"1".repeat(32)}_${"1".repeat(32)}-0123456789`;

/** Session Manager behind a real listener, with a real TCP server as the task. */
export interface Bench extends AsyncDisposable {
  readonly ssm: SsmService;
  readonly clock: ManualClock;
  /** Port of the server in the task. */
  readonly port: number;
  /** Connections to the server in the task, in the order in which they came. */
  readonly connections: Socket[];
  /** Calls an operation as `caller`. */
  call(operation: string, input: Record<string, unknown>, caller?: Partial<Caller>): Promise<unknown>;
  /** Starts a port session to the server in the task, or to another port. */
  start(port?: number): Promise<Ticket & { SessionId: string }>;
  /** The target's agent goes. */
  targetGone(): void;
  /** Who the next signed upgrade is by; undefined: upgrades are unsigned. */
  upgradeBy: Partial<Caller> | undefined;
}

const administrator: Caller = {
  accountID: "111122223333",
  arn: "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_g1_0123456789abcdef/ada",
  userID: "AROAEXAMPLE:ada",
  accessKeyID: "ASIAEXAMPLE",
  permissions: () => "administrator",
};

/** Starts one. `serve` is what the task does with each connection. */
export async function startBench(serve: (socket: Socket) => void, options: Partial<SsmOptions> = {}): Promise<Bench> {
  const connections: Socket[] = [];
  const task = createServer((socket) => {
    socket.on("error", () => {});
    connections.push(socket);
    serve(socket);
  });
  const port = await listen(task);
  const clock = manualClock();
  const evaluate = createEvaluate(clock);
  const gone: ((accountID: string, targetName: string) => void)[] = [];
  let url = "";
  const bench = { upgradeBy: undefined as Partial<Caller> | undefined };
  const ssm = ssmService({
    clock,
    random: randomFrom("bench"),
    log: silentLog,
    authorize: createAuthorize(evaluate),
    evaluate,
    targets: { find: (_accountID, name) => targetOf(name), onGone: (listener) => void gone.push(listener) },
    url: () => url,
    verifyUpgrade: () => (bench.upgradeBy === undefined ? undefined : callBy(bench.upgradeBy)),
    options,
  });
  const http = createHTTPServer();
  http.on("upgrade", (request, socket, head) => ssm.handleDataChannelUpgrade(request, socket, head));
  url = `http://127.0.0.1:${await listen(http)}`;
  const call: Bench["call"] = async (operation, input, caller) => ssm.operations[operation]?.(input, callBy(caller));
  return Object.assign(bench, {
    ssm,
    clock,
    port,
    connections,
    call,
    start: async (to = port) =>
      (await call("StartSession", portSession(to))) as { SessionId: string; TokenValue: string; StreamUrl: string },
    targetGone: () => gone.forEach((listener) => listener(administrator.accountID, targetName)),
    async [Symbol.asyncDispose]() {
      ssm.stop();
      for (const socket of connections) {
        socket.destroy();
      }
      http.closeAllConnections();
      await Promise.all([closed(http), closed(task)]);
    },
  });
}

/** Input of StartSession for the port document. */
export function portSession(port: number, target = targetName): Record<string, unknown> {
  return {
    Target: target,
    DocumentName: "AWS-StartPortForwardingSession",
    Parameters: { portNumber: [String(port)], localPortNumber: ["0"] },
  };
}

/** Sends back what it gets. */
export function echo(socket: Socket): void {
  socket.pipe(socket);
}

function callBy(caller: Partial<Caller> = {}): Call {
  return { requestID: "request", region: "eu-west-1", caller: { ...administrator, ...caller }, headers: {} };
}

function targetOf(name: string): Target | undefined {
  const taskID = name === targetName ? "0".repeat(32) : name === otherTargetName ? "1".repeat(32) : undefined;
  return taskID === undefined
    ? undefined
    : {
        name,
        resourceARN: `arn:aws:ecs:eu-west-1:111122223333:task/main/${taskID}`,
        tags: { "sallyport:proxy": name === targetName ? "default/main" : "default/other" },
        connected: true,
        host: "127.0.0.1",
      };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
