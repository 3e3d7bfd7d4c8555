import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type LookupFunction, type Server } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { Secret } from "#lib/secret.ts";
import { createDatabaseIdentity } from "#test/harness/database-identity.ts";
import { eventually } from "#test/harness/process.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import { isClose } from "../testing/journal.ts";
import { RawClient, say, shape } from "../testing/raw-client.ts";
import { RawMySqlClient } from "../testing/raw-mysql-client.ts";
import { obliging, plainFlags } from "../testing/scripted-stand.ts";
import { startScriptedMySql } from "../testing/scripted-mysql.ts";
import { grantFor, role, roleSQL, startStand, type Stand } from "../testing/stand.ts";
import { BackendBook, type NotedBackend } from "./backend-book.ts";
import { endLeftBackends } from "./left-backends.ts";
import { type Session, SessionRegistry } from "./registry.ts";

// An Aurora reader endpoint is one name of several servers, and leads to another one each time it is asked for.

const [own, another] = ["127.0.0.1", "127.0.0.2"] as const;

/** A name that leads to the session's own server first and to another one from then on. */
function turningLookup(): LookupFunction {
  let address: string = own;
  return (_host, options, done) => {
    const found = { address, family: 4 };
    address = another;
    return options.all === true ? done(null, [found]) : done(null, found.address, 4);
  };
}

/** The other server: it counts who comes, and serves nobody. */
async function startAnother(port: number): Promise<{ server: Server; met: () => number }> {
  let met = 0;
  const server = createServer((socket) => {
    met += 1;
    socket.destroy();
  });
  server.listen(port, another);
  await once(server, "listening");
  return { server, met: () => met };
}

describe("a Postgres session on one of several servers of a name", () => {
  let postgres: TestPostgres;
  let stand: Stand;
  let decoy: Awaited<ReturnType<typeof startAnother>>;
  let client: RawClient;
  const noted: NotedBackend[] = [];

  beforeAll(async () => {
    postgres = await startPostgres({ initSQL: roleSQL });
    decoy = await startAnother(postgres.port);
  });
  afterAll(async () => {
    decoy?.server.close();
    await postgres?.stop();
  });
  beforeEach(async () => {
    const backends = { note: (backend: NotedBackend) => void noted.push(backend), forget: () => {} };
    stand = await startStand(postgres, { lookup: turningLookup(), backends });
    // The certificate is checked against the name.
    stand.grant = grantFor({ ...postgres, host: "localhost" });
    client = await RawClient.start(stand.port, { user: role.username, database: postgres.database });
    client.send(say.query("select pg_sleep(600)"));
    // The record comes first: a cancel request may overtake the statement and then cancels nothing.
    await eventually("the statement to run", async () => {
      const running = "select 1 from pg_stat_activity where usename = $1 and state = 'active'";
      return (await postgres.query(running, [role.username])).length === 1 || undefined;
    });
  });
  afterEach(async () => {
    client.socket.destroy();
    await stand.quiet();
    await stand.stop();
  });

  it("is cancelled at its own server, which is asked over TLS of its name", async () => {
    await stand.sessions.all()[0]?.cancel();

    expect(shape(await client.until("Z"))).toBe("T E Z");
    expect(decoy.met()).toBe(0);
  });

  it("is ended at its own server, and its address is in the book", async () => {
    const outcome = await stand.sessions.cutGrant(stand.grant.grantID, "grant-revoked", "revoked");

    expect(outcome).toEqual({ sessions: 1, backendsGone: 1 });
    expect(decoy.met()).toBe(0);
    expect(noted.at(-1)?.address).toBe(own);
    expect(await postgres.query("select 1 from pg_stat_activity where usename = $1", [role.username])).toEqual([]);
  });
});

describe("a backend that a killed proxy left on one of several servers of a name", () => {
  let postgres: TestPostgres;
  let directory: string;
  let book: BackendBook;

  beforeAll(async () => {
    postgres = await startPostgres({ initSQL: roleSQL });
  });
  afterAll(() => postgres?.stop());
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), "sallyport-book-"));
    book = new BackendBook(directory);
    return () => rmSync(directory, { recursive: true });
  });

  /** Tries each noted backend once, and says what became of it. */
  async function tryOnce(host: string, address: string, tlsMode: "VerifyFull" | "VerifyCA"): Promise<unknown> {
    const { grantID, database, role: granted } = grantFor({ ...postgres, host });
    const at = { database: { ...database, tlsMode }, role: granted, address };
    book.note({ session: "session-1", grantID, ...at, pid: 999_999, loggedIn: Date.now() });
    const stop = new AbortController();
    let fate: unknown;
    const info = (_message: string, fields = {}): void => {
      ({ fate } = fields as { fate?: unknown });
      stop.abort();
    };
    await endLeftBackends(book, book.all(), {
      clock: systemClock,
      log: { ...silentLog, info },
      authorities: [postgres.ca],
      passwordOf: () => ({ get: () => Promise.resolve(new Secret(role.password)) }),
      signal: stop.signal,
    });
    return fate;
  }

  it("is looked for at its own address, wherever the name leads by now", async () => {
    expect(await tryOnce("name.invalid", own, "VerifyCA")).toBe("gone");
    expect(book.all()).toEqual([]);
  });

  it("is not taken for gone because another server of the name does not have it", async () => {
    expect(await tryOnce("localhost", another, "VerifyFull")).toBe("unknown");
    expect(book.all()).toHaveLength(1);
  });

  it("is not asked after at an address whose certificate is not that of the name", async () => {
    expect(await tryOnce("name.invalid", own, "VerifyFull")).toBe("unknown");
    expect(book.all()).toHaveLength(1);
  });
});

describe("a MySQL session on one of several servers of a name", () => {
  it("is killed at its own server, by a cut and for a client that left", async () => {
    const server = await startScriptedMySql(await createDatabaseIdentity(), { script: obliging() });
    const decoy = await startAnother(server.port);
    const stand = await startStand(server, { lookup: turningLookup() });
    stand.grant = grantFor({ ...server, host: "localhost" });
    await RawMySqlClient.start(stand.port, { flags: plainFlags });

    await stand.sessions.all()[0]?.cancel();
    await stand.sessions.cutGrant(stand.grant.grantID, "grant-revoked", "revoked");

    await stand.journal.until(isClose);
    expect(server.connections()).toBe(3);
    expect(decoy.met()).toBe(0);
    decoy.server.close();
    await stand.stop();
    await server.stop();
  });

  it("may KILL by number what the same grant has on its own server, and not what another server calls so", () => {
    const sessions = new SessionRegistry();
    sessions.add({ grantID: "g", thread: { address: own, id: 7 } } as Session);

    expect(sessions.hasThread("g", { address: own, id: 7 })).toBe(true);
    expect(sessions.hasThread("g", { address: another, id: 7 })).toBe(false);
    expect(sessions.hasThread("other", { address: own, id: 7 })).toBe(false);
  });
});
