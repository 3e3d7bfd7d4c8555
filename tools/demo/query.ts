import pg from "pg";

// Stands in for psql on a machine that has none: where to connect is in PGHOST and so on, as for any client of Postgres.
const client = new pg.Client({ ssl: false });
client.on("error", () => {});
try {
  await client.connect();
  const { rows } = await client.query<Record<string, unknown>>(process.argv[2] ?? "");
  for (const row of rows) {
    console.log(Object.values(row).join(" | "));
  }
  await client.end();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
