import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { Secret } from "#lib/secret.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import { grantFor, role, roleSQL } from "../testing/stand.ts";
import { BackendBook } from "./backend-book.ts";
import { endLeftBackends } from "./left-backends.ts";

let postgres: TestPostgres;
let directory: string;
let book: BackendBook;

beforeAll(async () => {
  postgres = await startPostgres({ initSQL: roleSQL });
});
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "sallyport-book-"));
  book = new BackendBook(directory);
  return () => rmSync(directory, { recursive: true });
});
afterAll(() => postgres?.stop());

/** A connection of the role that goes on whatever becomes of this process's book. */
async function busyBackend(): Promise<{ pid: number; ended: Promise<string> }> {
  const { host, port, database, ca } = postgres;
  const client = new pg.Client({ host, port, database, user: role.username, password: role.password, ssl: { ca } });
  client.on("error", () => {});
  await client.connect();
  const [row] = (await client.query<{ pid: number }>("select pg_backend_pid() as pid")).rows;
  const ended = client.query("select pg_sleep(300)").then(
    () => "finished",
    (error: Error) => error.message,
  );
  return { pid: row?.pid ?? 0, ended };
}

function note(session: string, pid: number, ageMs: number): void {
  const { grantID, database, role: granted } = grantFor(postgres);
  book.note({ session, grantID, database, role: granted, address: "127.0.0.1", pid, loggedIn: Date.now() - ageMs });
}

async function endAll(): Promise<void> {
  // As the next process does, which has read the book anew.
  const next = new BackendBook(directory);
  await endLeftBackends(next, next.all(), {
    clock: systemClock,
    log: silentLog,
    authorities: [postgres.ca],
    passwordOf: () => ({ get: () => Promise.resolve(new Secret(role.password)) }),
    signal: new AbortController().signal,
  });
}

describe("the book of backends", () => {
  it("ends what a killed process left running, and forgets it", async () => {
    const { pid, ended } = await busyBackend();
    note("session-1", pid, 0);

    await endAll();

    expect(await ended).toMatch(/terminating connection/);
    expect(readdirSync(directory)).toEqual([]);
  });

  it("leaves alone a later backend that has got the same process ID", async () => {
    const { pid, ended } = await busyBackend();
    note("session-2", pid, 3_600_000);

    await endAll();

    expect(await postgres.query("select 1 from pg_stat_activity where pid = $1", [pid])).toHaveLength(1);
    expect(readdirSync(directory)).toEqual([]);
    await postgres.query("select pg_terminate_backend($1)", [pid]);
    await ended;
  });

  it("forgets what has ended by itself, and what a crash has torn", async () => {
    note("session-3", 999_999, 0);
    note("session-4", 999_999, 0);
    book.forget("session-4");
    writeFileSync(path.join(directory, "session-5.json"), '{"session":"sess');

    expect(book.all().map(({ session }) => session)).toEqual(["session-3"]);
    await endAll();

    expect(readdirSync(directory)).toEqual([]);
  });
});
