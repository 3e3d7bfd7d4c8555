import fc from "fast-check";

/** A value that every driver can bind. */
export type Value = string | number | null | { readonly hex: string };

/** One thing that a client does; what fails is meant to, and is no error of the client's. Plain JSON, for clients in other languages. */
export type Operation =
  | { readonly do: "query"; readonly sql: string }
  | { readonly do: "execute"; readonly sql: string; readonly values: readonly Value[]; readonly name?: string }
  | { readonly do: "rows"; readonly sql: string; readonly limit: number }
  | { readonly do: "copy-in"; readonly sql: string; readonly lines: readonly string[] }
  | { readonly do: "copy-out"; readonly sql: string }
  | { readonly do: "pipeline"; readonly of: readonly (Operation & { readonly do: "execute" })[] }
  | { readonly do: "cancel"; readonly sql: string };

/** Part of every secret of the workload: it must be nowhere in the trail. */
export const secretMark = "S3cr3t";

/** What SQL the workloads need. `role` must be able to make roles. */
export function workloadSQL(role: string): string {
  return `alter role ${role} createrole; grant all on schema public to ${role};
    create table t (n int, s text); grant all on t to ${role};`;
}

const text = fc.oneof(
  fc
    .array(
      fc.constantFrom("a", "ü", "'", '"', "\\", ";", "--", "/*", "*/", " ", "日", "🚪", "\t", "\n", "$$", "%", "?"),
      {
        maxLength: 12,
      },
    )
    .map((parts) => parts.join("")),
  fc.constantFrom("", `postgresql://ada:${secretMark}url@db.example/orders`, "x".repeat(20_000), "ü".repeat(200_000)),
);
const quoted = (value: string): string => `'${value.replaceAll("'", "''")}'`;
const bytes = fc.uint8Array({ maxLength: 12 }).map((some) => ({ hex: Buffer.from(some).toString("hex") }));
const number = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const orNull = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(of, { freq: 5 });

/** `N` stands for a number that no other operation of the workload has. */
const query = fc
  .oneof(
    text.map((value) => `select ${quoted(value)}, N`),
    text.map((value) => `insert into t values (N, ${quoted(value)})`),
    fc.constantFrom(
      "selec N",
      "select N / 0",
      "select N; select 'it''s; '; insert into t values (N)",
      "select 1; select N / 0; select 3",
      "select 1; selec N",
      "begin; select N",
      "commit",
      "rollback",
      "savepoint s",
      "",
      " ; ; -- N",
      "/* N */ select $$ ; $$ /* /* nested */ */",
      "do $$ begin perform N; end $$",
      `create role rN login password '${secretMark}N''s'`,
      `alter role missing_N password '${secretMark}N'`,
      `create role rN password ${secretMark}N`,
      `select dblink_connect('host=x password=${secretMark}N')`,
      "prepare pN as select $1::int + N",
      "set application_name = 'N'",
      "explain select N",
    ),
  )
  .map((sql): Operation => ({ do: "query", sql }));

const statements = [
  { sql: "select $1::int + N", values: [orNull(number)] },
  { sql: "select $1::text, N", values: [orNull(text)] },
  { sql: "select $1::text || $2::text, $3::int, N", values: [orNull(text), text, orNull(number)] },
  { sql: "insert into t values ($1::int, $2::text) -- N", values: [orNull(number), orNull(text)] },
  { sql: "select length($1::bytea), N", values: [orNull(bytes)] },
  { sql: "select N / $1::int", values: [fc.constantFrom(0, 1)] },
  { sql: "select $1::text::int + N", values: [fc.constantFrom("12", "twelve", null)] },
  { sql: "selec $1::text, N", values: [text] },
  { sql: "select * from missing_N where n = $1::int", values: [number] },
];
const executeOf = (name: fc.Arbitrary<string | undefined>): fc.Arbitrary<Operation & { do: "execute" }> =>
  fc.constantFrom(...statements).chain(({ sql, values }) =>
    fc.tuple(fc.tuple(...(values as fc.Arbitrary<Value>[])), name).map(([some, named]) => ({
      do: "execute" as const,
      sql,
      values: some,
      ...(named === undefined ? {} : { name: named }),
    })),
  );
/** Named statements are prepared once and executed again and again: their text has no number. */
const again = fc
  .tuple(fc.constantFrom(0, 1, 2), orNull(number), fc.constantFrom("0", "7", "seven", null))
  .map(([which, n, other]): Operation & { do: "execute" } => {
    const sql = ["select $1::int * 2", "select $1::text::int", "select 7 / $1::text::int"][which] ?? "";
    return { do: "execute", sql, values: [which === 0 ? n : other], name: `again${which}` };
  });

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 4, arbitrary: query },
  { weight: 2, arbitrary: fc.constant<Operation>({ do: "query", sql: "rollback" }) },
  { weight: 5, arbitrary: executeOf(fc.constant(undefined)) },
  { weight: 3, arbitrary: again },
  {
    weight: 2,
    arbitrary: fc
      .array(executeOf(fc.constant(undefined)), { minLength: 1, maxLength: 6 })
      .map((of): Operation => ({ do: "pipeline", of })),
  },
  {
    weight: 1,
    arbitrary: fc
      .integer({ min: 1, max: 4 })
      .map((limit): Operation => ({ do: "rows", sql: "select generate_series(1, 7), N", limit })),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Operation>(
      { do: "copy-in", sql: "copy t from stdin /* N */", lines: ["1\tone", "2\t\\N", "3\tü"] },
      { do: "copy-in", sql: "copy t from stdin /* N */", lines: ["one\tone"] },
      { do: "copy-in", sql: "copy missing_N from stdin", lines: [] },
      { do: "copy-out", sql: "copy (select generate_series(1, 100), N) to stdout" },
      { do: "copy-out", sql: "copy (select 1 / (0 * N)) to stdout" },
    ),
  },
);

/** So many operations, always the same for a seed, with one cancelled statement in their middle. */
export function workload(seed: number, count: number): Operation[] {
  const all = fc.sample(operation, { seed, numRuns: count });
  all.splice(count / 2, 0, { do: "query", sql: "rollback" }, { do: "cancel", sql: "select pg_sleep(60) -- N" });
  let last = 1_000;
  const numbered = (json: string): string =>
    json.replaceAll(/\bN\b|(?<=_|\br|\bp|S3cr3t)N\b/g, () => String((last += 1)));
  const fill = (one: Operation): Operation =>
    one.do === "pipeline"
      ? { ...one, of: one.of.map((inner) => fill(inner) as typeof inner) }
      : { ...one, sql: numbered(one.sql) };
  return all.map(fill);
}
