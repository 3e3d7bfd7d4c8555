import { existsSync } from "node:fs";
import path from "node:path";
import pg from "pg";
import { expect, it } from "vitest";
import { startPostgres } from "./postgres.ts";

it("runs a real server with verified TLS, takes no plaintext connection, and leaves nothing behind", async () => {
  const postgres = await startPostgres({ initSQL: "create table t (n int); insert into t values (1), (2)" });
  try {
    expect(await postgres.query("select count(*)::int as n from t")).toEqual([{ n: 2 }]);
    expect(await postgres.query("select ssl from pg_stat_ssl where pid = pg_backend_pid()")).toEqual([{ ssl: true }]);
    const plain = new pg.Client({
      host: "127.0.0.1",
      port: postgres.port,
      user: "postgres",
      password: postgres.password,
    });
    await expect(plain.connect()).rejects.toThrow("no encryption");
  } finally {
    await postgres.stop();
  }

  expect(existsSync(path.dirname(postgres.caFile))).toBe(false);
});
