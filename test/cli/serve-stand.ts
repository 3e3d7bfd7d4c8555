import { type ManualClock, manualClock } from "#lib/clock.ts";
import { UserError } from "#lib/errors.ts";
import type { ConnectInfo, GrantView } from "#wire/control-api.ts";
import { type TestComputer, testComputer } from "./world.ts";
import type { Session } from "#cli/signin/session.ts";
import type { GrantTunnel } from "#cli/tunnel/grant-tunnel.ts";
import type { Connection, Ending } from "#cli/rds/connect.ts";
import type { Front } from "#cli/rds/front.ts";
import { announceReady } from "#cli/rds/announce.ts";
import { type Served, Serving } from "#cli/rds/serve.ts";

/** The grant that is served. */
export const grant = { grantID: "g1" } as GrantView;
const info = {
  grantID: "g1",
  engine: "PostgreSQL",
  database: "orders",
  databaseName: "orders",
  role: "read_only",
  username: "read_only",
  endpoint: { host: "db.test", port: 5433 },
  expiryTime: "2026-01-01T01:00:00.000Z",
} as ConnectInfo;

/** Serving under test, with everything that it did and what it meets. */
export interface Stand {
  readonly clock: ManualClock;
  readonly computer: TestComputer;
  readonly served: Promise<Served>;
  /** What happened at the front and to connections, in order. */
  readonly log: string[];
  /** Ends the connection that is open now. */
  readonly end: (ending: Ending) => void;
  /** The proxy of the connection that is open now asks for another tunnel. */
  readonly drain: () => void;
  /** A database client waits at the port. */
  readonly wanted: () => void;
  /** A database client comes to the port. */
  readonly came: () => void;
  /** The last database connection through the connection of that number has ended. */
  readonly idle: (number: number) => void;
  /** Whether serving has come to its end. */
  readonly isOver: () => boolean;
  /** Moves the clock until the condition holds. */
  readonly until: (condition: () => boolean) => Promise<void>;
}

/** Serves; each dial gets the next of `dials`, an error or a connection. `state` answers what the control API says of the grant. */
export function stand(
  dials: (Error | "connection")[],
  state: () => Partial<GrantView> = () => ({ state: "Active" }),
  options: { format?: "json" } = {},
): Stand {
  const clock = manualClock();
  const computer = testComputer({ clock, ...options });
  const log: string[] = [];
  let end: (ending: Ending) => void = () => {};
  let drain: () => void = () => {};
  const idle = new Map<number, () => void>();
  let open = 0;
  const heard = { wanted: () => {}, came: () => {} };
  const front = loggedFront(log, heard);
  const control = { get: async () => state(), forgetIdle: () => log.push("forget") };
  const connect = async (): Promise<Connection> => {
    const next = dials.shift();
    if (next !== "connection") {
      throw next ?? new Error("no dial was expected");
    }
    open += 1;
    const number = open;
    const openedMs = clock.monotonicMs();
    log.push(`connect ${number}`);
    const ended = new Promise<Ending>((resolve) => (end = resolve));
    const draining = new Promise<string>((resolve) => (drain = () => resolve("the proxy is being replaced")));
    const isIdle = new Promise<void>((resolve) => idle.set(number, resolve));
    return {
      info,
      tunnel: {} as GrantTunnel,
      ended,
      draining,
      idle: () => isIdle,
      heardMs: () => openedMs,
      probe: () => log.push(`probe ${number}`),
      close: async () => void log.push(`close ${number}`),
    };
  };
  const session = { control } as unknown as Session;
  const { world } = computer;
  const onReady = (ready: ConnectInfo): void =>
    announceReady(ready, { ...ready, port: front.port, password: "password" }, [], world);
  const served = new Serving(session, grant, front, world, { connect, onReady }).run();
  let isOver = false;
  served.catch(() => {}).finally(() => (isOver = true));
  return {
    clock,
    computer,
    served,
    log,
    end: (ending) => end(ending),
    drain: () => drain(),
    wanted: () => heard.wanted(),
    came: () => heard.came(),
    idle: (number) => idle.get(number)?.(),
    until: async (condition) => {
      while (!condition()) {
        clock.advance(500);
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    isOver: () => isOver,
  };
}

/** A front that does nothing but write down what it is told. */
function loggedFront(log: string[], heard: { wanted: () => void; came: () => void }): Front {
  return {
    port: 5432,
    open: () => log.push("open"),
    shut: () => log.push("shut"),
    hold: () => log.push("hold"),
    onWanted: (call) => (heard.wanted = call),
    onClient: (call) => (heard.came = call),
    drained: async () => void log.push("drained"),
    close: async () => void log.push("front closed"),
  };
}

/** A dial that fails in a way that may pass. */
export const gone = new UserError("SessionStartFailed", "no way there");
