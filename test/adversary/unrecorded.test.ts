import { readFileSync } from "node:fs";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { StatementStart } from "#audit/record.ts";
import { encodeMessage } from "#proxy/postgres/encode.ts";
import { front } from "#proxy/postgres/protocol.ts";
import { isClose } from "#proxy/testing/journal.ts";
import { RawClient, say } from "#proxy/testing/raw-client.ts";
import { role, roleSQL, startStand, type Stand } from "#proxy/testing/stand.ts";
import { fuzzSeed } from "#test/harness/fuzz-seed.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import { eventually } from "#test/harness/process.ts";

// The server's own log (log_statement = all) is the judge: whatever a client sends, in whatever pieces, the log and the audit trail
// tell of the same statements in the same order. Another seed explores other input: FUZZ_SEED=… npm test -- test/adversary.

const seed = fuzzSeed;
const runs = 300;
let postgres: TestPostgres;
let stand: Stand;

beforeAll(async () => {
  console.log(`unrecorded.test.ts: seed ${seed}`);
  postgres = await startPostgres({
    initSQL: `${roleSQL} create table t (n int); grant all on t to ${role.username};`,
    settings: { log_statement: "all", log_line_prefix: "%u|%a|" },
  });
  stand = await startStand(postgres);
});
afterAll(async () => {
  await stand?.stop();
  await postgres?.stop();
});

/** Names are few, so that they meet; some are the same to the server only. */
const name = fc.constantFrom("", "a", "a", "a", "b", `${"n".repeat(63)}1`, `${"n".repeat(63)}2`);
const sql = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      "select N",
      "select N / 0",
      "selec N",
      "select 'it''s N'",
      "insert into t values (N)",
      "/* ; */ select $$ N ; $$",
      "select generate_series(1, 3), N",
      "select n from t where n = $1 -- N",
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "prepare a as select N",
      'prepare"b"as select N',
      "deallocate a",
      'deallocate"b"',
      "deallocate all",
      "discard all",
      "execute a",
      "execute b",
      "declare a cursor for select N",
      "close a",
      "close all",
      "fetch all from a",
      "move all from b",
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom("begin", "commit", "rollback", "savepoint x", "rollback to x", "", " ; ;") },
  { weight: 1, arbitrary: fc.constantFrom("copy t from stdin", "copy (select N) to stdout") },
);

/** `N` stands for a number that no other text of the run has. */
type Piece = (text: (template: string) => string) => readonly Buffer[];

/** Mostly succeeds, so that names get a meaning, and another one. */
const good = fc.constantFrom("select N", "insert into t values (N)", "select generate_series(1, 3), N");
const change = fc.constantFrom(
  "deallocate a",
  'deallocate"a"',
  "deallocate /* /* */ */ b",
  "prepare a as select N",
  'prepare"b"as select N',
  "deallocate a; prepare a as select N",
  "execute a",
  "execute b",
  "explain analyze execute a",
  "begin",
  "rollback",
  "declare a cursor for select N",
  "fetch all from b",
);
const target = fc.constantFrom("a", "b", `${"n".repeat(63)}1`, `${"n".repeat(63)}2`);
const calm: fc.Arbitrary<Piece> = fc.oneof(
  fc.tuple(target, good).map(([statement, template]): Piece => (text) => [
    say.parse(statement, text(template)),
    say.sync(),
  ]),
  fc.tuple(target, fc.nat(2)).map(([statement, limit]): Piece => () => [
    say.bind("", statement),
    say.execute("", limit),
    say.sync(),
  ]),
  fc.tuple(target, target).map(([portal, statement]): Piece => () => [say.bind(portal, statement), say.flush()]),
  target.map((statement): Piece => () => [say.close("S", statement), say.sync()]),
  change.map((template): Piece => (text) => [say.query(text(template))]),
);

const wild: fc.Arbitrary<Piece> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.array(sql, { minLength: 1, maxLength: 3 }).map((parts): Piece => (text) => [
      say.query(parts.map(text).join(";")),
    ]),
  },
  {
    weight: 5,
    arbitrary: fc
      .tuple(name, name, sql, fc.nat(2), fc.boolean())
      .map(([statement, portal, template, limit, syncs]): Piece => (text) => [
        say.parse(statement, text(template)),
        say.bind(portal, statement, template.includes("$1") ? ["1"] : []),
        say.execute(portal, limit),
        ...(syncs ? [say.sync()] : []),
      ]),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(name, sql).map(([statement, template]): Piece => (text) => [
      say.parse(statement, text(template)),
    ]),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(name, name).map(([portal, statement]) => () => [say.bind(portal, statement)]),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(name, fc.nat(2)).map(([portal, limit]) => () => [say.execute(portal, limit)]),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom("S" as const, "P" as const), name).map(([kind, what]) => () => [
      say.close(kind, what),
    ]),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom("S" as const, "P" as const), name).map(([kind, what]) => () => [
      say.describe(kind, what),
    ]),
  },
  { weight: 1, arbitrary: fc.constant<Piece>(() => [say.copyData("1\n"), say.copyDone(), say.sync()]) },
  { weight: 1, arbitrary: fc.constant<Piece>(() => [say.copyFail("no")]) },
  { weight: 3, arbitrary: fc.constant<Piece>(() => [say.sync()]) },
  { weight: 1, arbitrary: fc.constant<Piece>(() => [say.flush()]) },
);
const piece = fc.oneof({ weight: 3, arbitrary: calm }, { weight: 1, arbitrary: wild });
/** What ends a session: nobody may say anything after it. */
const ending = fc.constantFrom<Buffer>(
  say.terminate(),
  Buffer.concat([say.terminate(), say.query("select 'after the end'")]),
  encodeMessage(front.password, Buffer.from("x\0")),
  Buffer.from([front.query, 0, 0, 0, 3]),
  Buffer.from([front.query, 0, 0, 1, 0]),
  say.query("select 1\0; select 'behind a NUL'"),
);

it("the server's log and the audit trail tell of the same statements in the same order", async () => {
  let from = readFileSync(postgres.logFile).length;
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { minLength: 4, maxLength: 30, size: "max" }),
      fc.array(fc.integer({ min: 1, max: 120 }), { maxLength: 20 }),
      ending,
      async (pieces, cuts, end) => {
        stand.journal.clear();
        let number = 1_000;
        const text = (template: string): string => template.replace("N", String((number += 1)));
        const bytes = Buffer.concat([...pieces.flatMap((make) => make(text)), say.sync()]);

        const failure = await converse(bytes, cuts, end).catch((error: unknown) => error);

        const log = readFileSync(postgres.logFile);
        const news = log.toString("utf8", from);
        from = log.length;
        if (news.includes("terminated by signal")) {
          await serverIsBack();
          from = readFileSync(postgres.logFile).length;
          expect(stand.journal.starts.map((start) => start.sql)).toEqual(expect.arrayContaining(readLog(news)));
          return;
        }
        expect(failure).toBeUndefined();
        expect(disagreement(readLog(news))).toBeUndefined();
        expect(stand.journal.starts.map((start) => start.sql)).toEqual(expect.arrayContaining(readExecuted(news)));
      },
    ),
    { numRuns: runs, seed, endOnFailure: false },
  );
}, 60_000);

/**
 * Some pipelines end a backend of Postgres 18.4 by a segmentation fault, without any proxy too (a statement that EXPLAINs
 * itself is one), and the server then starts anew. What it had logged must be on record all the same.
 */
async function serverIsBack(): Promise<void> {
  await eventually("the server is back", () =>
    postgres.query("select 1").then(
      () => true as const,
      () => undefined,
    ),
  );
  await stand.quiet();
}

/** Sends bytes in pieces, waits until the server has worked through them, and ends the session. */
async function converse(bytes: Buffer, cuts: readonly number[], end: Buffer): Promise<void> {
  const client = await RawClient.start(stand.port, { user: role.username, database: postgres.database });
  let offset = 0;
  for (const cut of cuts) {
    client.socket.write(bytes.subarray(offset, offset + cut));
    offset += cut;
    await new Promise((resolve) => setImmediate(resolve));
  }
  client.socket.write(bytes.subarray(offset));
  // Ends a COPY that still waits for data. Where the conversation has broken the protocol, the session is over before its end.
  client.send(say.copyDone(), say.sync(), say.query("rollback"), say.query("select 'the end'"));
  const heard = async (): Promise<boolean> => (await client.until("D")).at(-1)?.body.includes("the end") === true;
  const isOver = async (): Promise<boolean> => heard().catch(() => true);
  while (!(await isOver())) {}
  client.send(end);
  client.socket.end();
  await client.untilClosed();
  await stand.journal.until(isClose);
  await stand.quiet();
}

/** Statements of the client, as the server logged them when they were about to run. The proxy's own connections are left out. */
function readLog(log: string): string[] {
  const pattern = new RegExp(`^${role.username}\\|(?!sallyport\\|)[^|]*\\|LOG: {2}(?:statement|execute [^:]+): (.*)$`);
  return log.split("\n").flatMap((line) => pattern.exec(line)?.[1] ?? []);
}

/** Texts that SQL's EXECUTE ran, as the server logged them. */
function readExecuted(log: string): string[] {
  return [...log.matchAll(/DETAIL: {2}prepare: (.*)$/gm)].map((match) => match[1] ?? "");
}

/**
 * Undefined when log and trail agree: every logged statement has its own record, in the same order; every record that says `ok` was
 * logged; none that says `not-executed` was. An error may have come before or after the server began to run the statement.
 */
function disagreement(logged: readonly string[]): unknown {
  const records = stand.journal.statements().filter(({ end }) => end?.outcome !== "not-executed");
  // How many logged statements the records so far can account for.
  let reached = new Set([0]);
  for (const { start, end } of records) {
    // An empty text has no tag, and is not logged where the extended protocol executes it.
    const isEmpty = start.protocol === "extended" && end?.tag === undefined && end?.suspended !== true;
    const next = new Set<number>(end?.outcome === "ok" && !isEmpty ? [] : reached);
    for (const count of reached) {
      const text = logged[count];
      if (text !== undefined && tells(start, text)) {
        next.add(count + 1);
      }
    }
    reached = next;
  }
  return reached.has(logged.length)
    ? undefined
    : { logged, recorded: records.map(({ start, end }) => [start.sql, start.notices, end?.outcome, end?.sqlState]) };
}

/** Whether a record tells of a logged text. The server logs the whole query in which SQL prepared or declared what is executed. */
function tells(start: StatementStart, text: string): boolean {
  if (start.sql === undefined) {
    // A simple query that fails in a transaction leaves an unnamed portal behind, which has no text and runs nothing.
    const isLeftover = text === "" && start.portal === "";
    return isLeftover || stand.journal.starts.some((other) => other.statement < start.statement && other.sql === text);
  }
  const told = String(start.sql);
  return told === text || (start.protocol === "extended" && told.trim() !== "" && text.includes(told.trim()));
}
