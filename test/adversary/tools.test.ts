import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { grantFor, role, roleSQL, startStand, type Stand } from "#proxy/testing/stand.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";

const run = promisify(execFile);
let postgres: TestPostgres;
let stand: Stand;

beforeAll(async () => {
  postgres = await startPostgres({
    initSQL: `${roleSQL} create table t (n int primary key); create view v as select * from t; grant all on t, v to ${role.username};
      create function f() returns trigger language plpgsql as $$ begin execute format('select %s', 1); return new; end $$;
      create trigger f before insert on t for each row execute function f();`,
  });
  stand = await startStand(postgres);
  stand.grant = grantFor(postgres, { hazards: { policy: "Deny", sessionReads: "Deny", expectedSettings: [] } });
});
afterAll(async () => {
  await stand?.stop();
  await postgres?.stop();
});

const describing =
  "\\d|\\d t|\\d+ t|\\d+ v|\\da|\\dA|\\db|\\dc|\\dC|\\dconfig|\\dd|\\dD|\\ddp|\\dE|\\des|\\det|\\deu|\\dew|\\df|\\df+ f|\\sf f|\\sv v|\\dF|\\dF+|\\dg|\\di|\\dl|\\dL|\\dm|\\dn+|\\do|\\dO|\\dp|\\dP|\\drds|\\dRp|\\dRs|\\ds|\\dS|\\dt+|\\dT|\\du+|\\dv|\\dx+|\\dy|\\l+|\\z|\\conninfo|\\encoding";

it("what psql asks the catalogs is refused nowhere", async () => {
  const url = `postgresql://${role.username}@127.0.0.1:${stand.port}/${postgres.database}?sslmode=disable`;

  const psql = await run("psql", [url, "-X", ...describing.split("|").flatMap((command) => ["-c", command])]);
  const goneOn = await run("psql", [url, "-X", "-Atc", "select 1"]);
  const starts = stand.journal.starts;

  expect(psql.stderr).not.toContain("refused");
  expect(goneOn.stdout).toBe("1\n");
  expect(starts.filter(({ notices }) => notices !== undefined).map(({ sql, notices }) => [sql, notices])).toEqual([]);
  expect(starts.length).toBeGreaterThan(40);
});
