import path from "node:path";
import { pipeline } from "node:stream/promises";
import { Readable, Writable } from "node:stream";
import pg from "pg";
import postgres from "postgres";
import { RawClient, say, startup } from "#proxy/testing/raw-client.ts";
import type { Target } from "#test/compatibility/clients/steps.ts";
import { start } from "#test/compatibility/program.ts";
import { sendCancel } from "#test/e2e/support.ts";
import type { Part } from "#tools/parts/part.ts";
import type { Operation, Value } from "./postgres-workload.ts";

/** Runs a workload against a database; a driver that loses its connection rejects. `untilRunning` waits for a statement that will be cancelled. */
export type Driver = (
  target: Target,
  operations: readonly Operation[],
  untilRunning: (sql: string) => Promise<void>,
) => Promise<void>;

const bound = (value: Value): string | number | null | Buffer =>
  value !== null && typeof value === "object" ? Buffer.from(value.hex, "hex") : value;
/** What the workload makes fail, fails. */
const meant = (): void => {};

/** `pg` of npm. It has no COPY of its own: it refuses to send data, and ignores what comes. */
export const pgDriver: Driver = async ({ host, port, user, password, database }, operations, untilRunning) => {
  const client = new pg.Client({ host, port, user, password, database, ssl: false });
  let lost: Error | undefined;
  client.on("error", (error) => (lost = error));
  await client.connect();
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
  const execute = ({ sql, values, name }: Operation & { do: "execute" }): Promise<unknown> =>
    client.query({ text: sql, values: values.map(bound), ...(name === undefined ? {} : { name }) }).catch(meant);
  const run = async (operation: Operation): Promise<unknown> => {
    switch (operation.do) {
      case "execute":
        return execute(operation);
      case "pipeline":
        return Promise.all(operation.of.map(execute));
      case "rows":
        // The driver waits for ever where such a query fails, as it would in a failed transaction.
        await client.query("rollback");
        return client.query({ text: operation.sql, rows: operation.limit } as pg.QueryConfig).catch(meant);
      case "cancel": {
        const cancelled = client.query(operation.sql).catch(meant);
        await untilRunning(operation.sql);
        await sendCancel(port, processID, secretKey);
        return cancelled;
      }
      default:
        return client.query(operation.sql).catch(meant);
    }
  };
  for (const operation of operations) {
    await run(operation);
  }
  await client.end();
  if (lost !== undefined) {
    throw lost;
  }
};

/** `postgres` of npm. */
export const postgresJsDriver: Driver = async ({ host, port, user, database }, operations, untilRunning) => {
  let connections = 0;
  const sql = postgres({
    host,
    port,
    database,
    username: user,
    ssl: false,
    max: 1,
    onnotice: () => {},
    onclose: () => (connections += 1),
  });
  const execute = ({ sql: text, values, name }: Operation & { do: "execute" }): Promise<unknown> =>
    sql.unsafe(text, values.map(bound) as never[], { prepare: name !== undefined }).catch(meant);
  const run = async (operation: Operation): Promise<unknown> => {
    switch (operation.do) {
      case "query":
        return sql.unsafe(operation.sql).simple().catch(meant);
      case "execute":
        return execute(operation);
      case "pipeline":
        return Promise.all(operation.of.map(execute));
      case "rows":
        return sql.unsafe(operation.sql).cursor(operation.limit, meant).catch(meant);
      case "copy-in": {
        const lines = operation.lines.map((line) => `${line}\n`);
        // The driver waits for ever where the server refuses the data.
        if (lines.length === 1) {
          return sql.unsafe("rollback");
        }
        return sql
          .unsafe(operation.sql)
          .writable()
          .then((into) => pipeline(Readable.from(lines), into))
          .catch(meant);
      }
      case "copy-out":
        return sql
          .unsafe(operation.sql)
          .readable()
          .then((from) => pipeline(from, new Writable({ write: (_chunk, _encoding, done) => done() })))
          .catch(meant);
      case "cancel": {
        const cancelled = sql.unsafe(operation.sql).execute();
        const ended = cancelled.catch(meant);
        await untilRunning(operation.sql);
        cancelled.cancel();
        return ended;
      }
    }
  };
  for (const operation of operations) {
    await run(operation);
  }
  if (connections > 0) {
    throw new Error("the connection was lost");
  }
  await sql.end();
};

/** psycopg 3. */
export function psycopgDriver({ file }: Exclude<Part<{ readonly file: string }>, { missing: string }>): Driver {
  const program = path.join(import.meta.dirname, "clients", "psycopg_operations.py");
  return async (target, operations, untilRunning) => {
    const python = start(file, [program, JSON.stringify(target)]);
    python.onLine((line) => {
      const { running } = JSON.parse(line) as { running: string };
      void untilRunning(running).then(() => python.say("it runs"), meant);
    });
    python.say(JSON.stringify(operations));
    const { code, stderr } = await python.ended;
    if (code !== 0) {
      throw new Error(stderr);
    }
  };
}

/** Messages without a driver: pipelines with one Sync, portals with row limits, Flush, function calls, COPY as an extended statement. */
export const rawDriver: Driver = async ({ port, user, database }, operations, untilRunning) => {
  const client = await RawClient.dial(port);
  client.expectMessages();
  client.send(startup({ user, database }));
  const key = (await client.until("Z")).find(({ type }) => type === "K")?.body ?? Buffer.alloc(8);
  const prepared = new Set<string>();
  const execute = ({ sql, values, name = "" }: Operation & { do: "execute" }, limit = 0): Buffer[] => {
    const some = values.map(bound).map((value) => (typeof value === "number" ? String(value) : value));
    // In a failed transaction a Describe of what is prepared fails, and the server's log does not say of which statement.
    const isPrepared = name !== "" && prepared.has(name);
    const parse = isPrepared ? [] : [say.parse(name, sql), say.describe("S", name)];
    prepared.add(name);
    return [...parse, say.bind("", name, some), say.describe("P", ""), say.flush(), say.execute("", limit)];
  };
  const messages = (operation: Operation, at: number): Buffer[] => {
    switch (operation.do) {
      case "execute":
        return [...execute(operation), say.sync()];
      case "pipeline":
        return [...operation.of.flatMap((one) => execute(one)), say.sync()];
      case "rows": {
        const first = execute({ do: "execute", sql: operation.sql, values: [] }, operation.limit);
        return [...first, say.execute("", operation.limit), say.execute(), say.sync()];
      }
      case "copy-in": {
        const data = operation.lines.map((line) => say.copyData(`${line}\n`));
        const end = at % 3 === 0 ? say.copyFail("no more") : say.copyDone();
        // Where no COPY runs, the server ignores its messages.
        return at % 2 === 0
          ? [say.query(operation.sql), ...data, end]
          : [say.parse("", operation.sql), say.bind("", ""), say.execute(), ...data, end, say.sync()];
      }
      case "copy-out":
        return at % 2 === 0
          ? [say.query(operation.sql)]
          : [say.parse("", operation.sql), say.bind("", ""), say.execute(), say.sync()];
      default:
        return [say.query(operation.sql)];
    }
  };
  for (const [at, operation] of operations.entries()) {
    client.send(...messages(operation, at));
    if (operation.do === "cancel") {
      await untilRunning(operation.sql);
      await sendCancel(port, key.readInt32BE(0), key.readInt32BE(4));
    }
    await client.until("Z");
    if (at % 8 === 0) {
      // int4pl, with good values and with others, and a function that is not there.
      const [oid, first] = [
        [177, "1"],
        [177, "one"],
        [2_000_000_000, "1"],
      ][(at / 8) % 3] as [number, string];
      client.send(say.functionCall(oid, [first, "2"]));
      await client.until("Z");
    }
  }
  client.send(say.terminate());
  await client.untilClosed();
};
