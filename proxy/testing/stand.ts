import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { Secret } from "#lib/secret.ts";
import type { LinkGrant } from "#wire/link.ts";
import type { SessionPorts } from "../session/engine.ts";
import { mysqlEngine } from "../session/mysql-engine.ts";
import { postgresEngine } from "../session/postgres-engine.ts";
import { SessionRegistry } from "../session/registry.ts";
import { MemoryJournal } from "./journal.ts";

/** Login role that the tests' databases have. */
export const role = { username: "read_only", password: "correct horse" } as const;
export const roleSQL = `create role ${role.username} login password '${role.password}'; grant create on schema public to ${role.username};`;

/** A database server that a test has started. */
export interface TestServer {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** Authority of its certificate, PEM. */
  readonly ca: string;
  /** PostgreSQL when absent. */
  readonly engine?: LinkGrant["database"]["engine"];
}

export const mysqlRoleSQL = `create user ${role.username}@'%' identified by '${role.password}' require ssl; grant all on orders.* to ${role.username}@'%';`;

/** A grant for `role` on a test server. */
export function grantFor(postgres: Omit<TestServer, "ca">, change: Partial<LinkGrant> = {}): LinkGrant {
  return {
    grantID: "gaaaaaaaaaaaaaaaaaaaaaaaaaa",
    epoch: 1,
    state: "live",
    remainingMs: 3_600_000,
    person: { userName: "ada", userID: "u-1" },
    accountID: "111111111111",
    roleID: "AROAGRANT",
    database: {
      key: "default/orders",
      engine: postgres.engine ?? "PostgreSQL",
      host: postgres.host,
      port: postgres.port,
      databaseName: postgres.database,
      tlsMode: "VerifyFull",
    },
    role: { name: "read_only", username: role.username, secretARN: "arn:secret" },
    audit: { durability: "Written", onFull: "Deny", parameters: "Record" },
    ...change,
  };
}

/** A loopback port behind which sessions run as they do after the handshake. */
export interface Stand {
  readonly port: number;
  readonly journal: MemoryJournal;
  readonly sessions: SessionRegistry;
  /** Health reports, in order. */
  readonly health: string[];
  grant: LinkGrant;
  /** Resolves once no session is left, so that none writes into the next test. */
  quiet(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts it in front of a test server. */
export async function startStand(postgres: TestServer, change: Partial<SessionPorts> = {}): Promise<Stand> {
  const journal = new MemoryJournal();
  const watchers: (() => void)[] = [];
  const sessions: SessionRegistry = new SessionRegistry(() => {
    for (const watcher of watchers.splice(0)) {
      watcher();
    }
  });
  const health: string[] = [];
  const ports: SessionPorts = {
    clock: systemClock,
    log: silentLog,
    journal,
    sessions,
    backends: { note: () => {}, forget: () => {} },
    onLeft: () => {},
    authorities: [postgres.ca],
    taskARN: "arn:aws:ecs:eu-west-1:111111111111:task/main/0123456789abcdef0123456789abcdef",
    passwordOf: () => ({ get: () => Promise.resolve(new Secret(role.password)) }),
    randomBytes,
    randomUUID,
    refusalOf: () => undefined,
    warningOf: () => undefined,
    onHealth: (_grant, state) => health.push(state),
    ...change,
  };
  const sockets = new Set<Socket>();
  const stand = { journal, sessions, health, grant: grantFor(postgres) };
  const server = createServer({ noDelay: true }, (stream) => {
    sockets.add(stream);
    stream.once("close", () => sockets.delete(stream));
    const engine = postgres.engine === undefined ? postgresEngine : mysqlEngine;
    void engine.serve({ stream, rest: Buffer.alloc(0), grant: stand.grant, client: "test/1" }, ports);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(stand, {
    port: (server.address() as AddressInfo).port,
    async quiet() {
      while (sessions.all().length > 0) {
        await new Promise<void>((resolve) => watchers.push(resolve));
      }
    },
    async stop() {
      for (const socket of sockets) {
        socket.destroy();
      }
      server.close();
      await once(server, "close");
    },
  });
}
