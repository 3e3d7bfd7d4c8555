import path from "node:path";
import fc from "fast-check";
import { createConnection } from "mysql2/promise";
import type { Target } from "#test/compatibility/clients/steps.ts";
import { flags } from "#test/compatibility/mysql-command-line.ts";
import { start } from "#test/compatibility/program.ts";

/** A text, with values for its `?`; what fails is meant to. */
export type MysqlOperation = readonly [sql: string, values: readonly (string | number | null)[]];

/** Runs a workload; a driver that loses its connection rejects. */
export type MysqlDriver = (target: Target, operations: readonly MysqlOperation[]) => Promise<void>;

/** Part of every secret of the workload: it must be nowhere in the trail. */
export const secretMark = "S3cr3t";

const text = fc
  .array(fc.constantFrom("a", "ü", "'", '"', "\\", ";", "--", "#", "/*", "*/", " ", "日", "🚪", "\t", "\n"), {
    maxLength: 12,
  })
  .map((parts) => parts.join(""));
const quoted = (value: string): string => `'${value.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
const number = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

const plain = fc.oneof(
  text.map((value) => `select ${quoted(value)}, N`),
  text.map((value) => `insert into t (n, s) values (N, ${quoted(value)})`),
  fc.constantFrom(
    "selec N",
    "select * from missing_N",
    "select N /* ; */ -- it's",
    "begin",
    "commit",
    "rollback",
    "use orders",
    `set password for nobody_N = '${secretMark}N'`,
    `create user nobody_N identified by '${secretMark}N'`,
    `select 'mysql://ada:${secretMark}N@db.example/orders'`,
    `alter user nobody_N identified by "${secretMark}N''s"`,
  ),
);
const operation: fc.Arbitrary<MysqlOperation> = fc.oneof(
  { weight: 2, arbitrary: plain.map((sql): MysqlOperation => [sql, []]) },
  {
    weight: 1,
    arbitrary: fc.oneof(
      fc.tuple(number, text).map((values): MysqlOperation => ["insert into t (n, s) values (?, ?) # N", values]),
      text.map((value): MysqlOperation => ["select ?, N", [value]]),
      fc.constant<MysqlOperation>(["select ?, N", [null]]),
      fc.constant<MysqlOperation>(["select * from missing_N where n = ?", [1]]),
    ),
  },
);

/** So many operations, always the same for a seed. `N` stands for a number that no other has. */
export function mysqlWorkload(seed: number, count: number): MysqlOperation[] {
  let last = 1_000;
  const numbered = (sql: string): string => sql.replaceAll(/\bN\b|(?<=_|S3cr3t)N\b/g, () => String((last += 1)));
  return fc.sample(operation, { seed, numRuns: count }).map(([sql, values]) => [numbered(sql), values]);
}

/** `mysql2` of npm: values in the text, and prepared statements, in turn. */
export const mysql2Driver: MysqlDriver = async ({ host, port, user, password, database }, operations) => {
  const connection = await createConnection({ host, port, user, password, database });
  for (const [at, [sql, values]] of operations.entries()) {
    const run =
      at % 2 === 0 || values.length === 0 ? connection.query(sql, [...values]) : connection.execute(sql, [...values]);
    await run.catch((error: { fatal?: boolean }) => (error.fatal === true ? Promise.reject(error) : undefined));
  }
  await connection.end();
};

/** PyMySQL, which puts values into the text. */
export function pymysqlDriver(python: string): MysqlDriver {
  const program = path.join(import.meta.dirname, "clients", "pymysql_operations.py");
  return async (target, operations) => {
    const { code, stderr } = await start(python, [program, JSON.stringify(target)], {
      input: JSON.stringify(operations),
    }).ended;
    if (code !== 0) {
      throw new Error(stderr);
    }
  };
}

/** The command line `mysql` or `mariadb`, which sends one statement after the other. */
export function commandLineDriver(file: string): MysqlDriver {
  return async (target, operations) => {
    // Its own words and comments are the client's, not the server's.
    const sent = operations.filter(([sql, values]) => values.length === 0 && !/[\\#]|--|\/\*|^use /.test(sql));
    const input = `delimiter //\n${sent.map(([sql]) => `${sql}//\n`).join("")}`;
    const { stdout, stderr } = await start(file, [...flags(file, target), "--force", "--batch"], { input }).ended;
    if (stdout === "") {
      throw new Error(stderr);
    }
  };
}
