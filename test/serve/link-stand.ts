import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { Hono } from "hono";
import { WebSocket } from "ws";
import type { AnyObject } from "#kinds/index.ts";
import { type ManualClock, manualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import type { AccountPort, TaskView } from "#controller/aws/ports.ts";
import { aProxy, memorySource, type MemorySource, place } from "#controller/reconcile/testing.ts";
import type { AuditSink } from "#controller/serve/link/link.ts";
import { Links, type LinksOptions } from "#controller/serve/link/links.ts";
import { type ControlServer, startServer } from "#controller/serve/server.ts";
import { createAuthority } from "#sandbox/certificates.ts";
import type { Challenge, FromController, FromTask, ProveTask } from "#wire/link.ts";

export const taskID = "0123456789abcdef0123456789abcdef";
export const taskARN = `arn:aws:ecs:${place.region}:${place.accountID}:task/sallyport/${taskID}`;

/** What STS and AWS say; a test changes it. */
export interface LinkWorld {
  /** The caller's role id and session name, as STS tells. */
  roleID: string;
  sessionName: string;
  accountID: string;
  /** The task role's id, as IAM tells; undefined: there is no such role. */
  taskRoleID: string | undefined;
  tasks: Partial<TaskView>[];
}

export interface LinkStand extends AsyncDisposable {
  readonly world: LinkWorld;
  readonly clock: ManualClock;
  readonly source: MemorySource;
  readonly links: Links;
  readonly log: string[];
  readonly server: ControlServer;
  /** What the controller was told, in order. */
  readonly events: string[];
  connect(path?: string): Promise<TaskSide>;
  /** Connects and is accepted. */
  linked(): Promise<TaskSide>;
}

/** Starts the real server with real links on loopback; AWS and the audit store are the test's. */
export async function startLinkStand(
  options: {
    readonly objects?: readonly AnyObject[];
    readonly audit?: AuditSink;
    readonly links?: Partial<LinksOptions>;
  } = {},
): Promise<LinkStand> {
  const world: LinkWorld = {
    roleID: "AROATASK",
    sessionName: taskID,
    accountID: place.accountID,
    taskRoleID: "AROATASK",
    tasks: [{ taskARN, lastStatus: "RUNNING" }],
  };
  const clock = manualClock(Date.now());
  const source = memorySource(options.objects ?? [aProxy()]);
  const log: string[] = [];
  const note = (message: string, fields: object = {}): void =>
    void log.push(
      `${message} ${JSON.stringify(fields, (_, value: unknown) => (value instanceof Error ? value.message : value))}`,
    );
  const events: string[] = [];
  const account: Partial<AccountPort> = {
    getRole: async (roleName) => (world.taskRoleID === undefined ? undefined : { roleName, roleID: world.taskRoleID }),
    listTasks: async () => world.tasks as TaskView[],
  };
  const links = new Links({
    source,
    verifier: {
      sts: { url: "https://sts.test", region: place.region },
      clock,
      fetch: async () => Response.json(identity(world)),
    },
    installation: "test",
    account: () => account as AccountPort,
    clock,
    log: { ...silentLog, info: note, warn: note, error: note },
    random: randomBytes,
    policy: { admitWithoutControllerMs: 1, endWithoutControllerMs: 2, warnBeforeEndMs: 3 },
    audit: options.audit ?? { acknowledged: async () => 0, ingest: async () => 0 },
    linkGrantOf: () => undefined,
    onDatabasesChanged: (keys) => events.push(`databases ${keys.join(" ")}`),
    onProxyChanged: (proxyKey) => events.push(`changed ${proxyKey}`),
    onCut: (task, report) => events.push(`cut ${task.taskID} ${report.grantID}`),
    ...options.links,
  });
  const authority = await createAuthority("test CA", Date.now());
  const { certificate, privateKey } = await authority.issue(["127.0.0.1"]);
  const onLink = (socket: WebSocket): void => links.accept(socket);
  const server = await startServer({ host: "127.0.0.1", port: 0, certificate, privateKey, app: new Hono(), onLink });
  const sides: TaskSide[] = [];
  const connect = async (path = "/v1/link"): Promise<TaskSide> => {
    const url = `wss://127.0.0.1:${server.port}${path}`;
    const side = new TaskSide(new WebSocket(url, { ca: authority.certificate, perMessageDeflate: false }));
    sides.push(side);
    await once(side.socket, "open");
    return side;
  };
  return {
    world,
    clock,
    source,
    links,
    log,
    server,
    events,
    connect,
    async linked() {
      const side = await connect();
      const challenge = (await side.hear()) as Challenge;
      side.say(proof(challenge, clock));
      await side.hear("accepted");
      return side;
    },
    async [Symbol.asyncDispose]() {
      for (const side of sides) {
        side.socket.terminate();
      }
      await server.close();
    },
  };
}

/** A proof of the right form; whether it is right is what `LinkWorld` says. */
export function proof(_: Challenge, clock: ManualClock, change: Partial<ProveTask> = {}): ProveTask {
  const time = new Date(clock.now()).toISOString();
  const date = `${time.replaceAll(/[-:]|\.\d+/g, "")}`;
  return {
    type: "prove",
    proxy: "default/main",
    taskARN,
    version: "0.1.0",
    proof: {
      credential: `ASIAEXAMPLE00000000/${date.slice(0, 8)}/${place.region}/sts/aws4_request`,
      date,
      signature: "0".repeat(64),
    },
    time,
    ...change,
  };
}

function identity({ accountID, roleID, sessionName }: LinkWorld): unknown {
  const Arn = `arn:aws:sts::${accountID}:assumed-role/sallyport-proxy-task/${sessionName}`;
  const GetCallerIdentityResult = { Account: accountID, Arn, UserId: `${roleID}:${sessionName}` };
  return { GetCallerIdentityResponse: { GetCallerIdentityResult } };
}

/** The task's end of a link, played by a test. */
export class TaskSide {
  readonly socket: WebSocket;
  readonly #heard: FromController[] = [];
  #wake: () => void = () => {};
  /** Close code and reason. */
  readonly closed: Promise<{ code: number; reason: string }>;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer) => {
      this.#heard.push(JSON.parse(data.toString()) as FromController);
      this.#wake();
    });
    socket.on("error", () => {});
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  say(message: FromTask): void {
    this.socket.send(JSON.stringify(message));
  }

  /** The next message, which must be of that type where one is given. */
  async hear(type?: FromController["type"]): Promise<FromController> {
    for (;;) {
      const message = this.#heard.shift();
      if (message !== undefined && type !== undefined && message.type !== type) {
        throw new Error(`expected ${type}, heard ${JSON.stringify(message)}`);
      }
      if (message !== undefined) {
        return message;
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
