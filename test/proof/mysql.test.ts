import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isClose } from "#proxy/testing/journal.ts";
import { accountOf } from "#proxy/testing/mysql-accounting.ts";
import { mysqlRoleSQL, role, startStand, type Stand } from "#proxy/testing/stand.ts";
import { fuzzSeed } from "#test/harness/fuzz-seed.ts";
import { startMariaDB } from "#test/harness/mariadb.ts";
import { startMySQL } from "#test/harness/mysql.ts";
import type { TestMySql } from "#test/harness/mysql-server.ts";
import { driverParts } from "#tools/parts/drivers.ts";
import { isMissing } from "#tools/parts/part.ts";
import { serverParts } from "#tools/parts/servers.ts";
import {
  commandLineDriver,
  mysql2Driver,
  type MysqlDriver,
  mysqlWorkload,
  pymysqlDriver,
  secretMark,
} from "./mysql-drivers.ts";

// The server's general log is the judge, of texts and of values. Another seed: FUZZ_SEED=….

const operations = 120;
const { mariadb, mysql } = await serverParts();
const { python } = await driverParts();
const servers = [
  { name: "MariaDB", part: mariadb, start: startMariaDB, settings: {} },
  // Otherwise it logs no text that it cannot parse, and rewrites those that hold a password.
  { name: "MySQL", part: mysql, start: startMySQL, settings: { "log-raw": "1" } },
] as const;

describe.each(servers)("$name", ({ part, start, settings }) => {
  const missing = isMissing(part) ? part.missing : undefined;
  const drivers: readonly { readonly title: string; readonly missing?: string; readonly run?: MysqlDriver }[] = [
    { title: "mysql2", run: mysql2Driver },
    isMissing(python)
      ? { title: "PyMySQL", missing: python.missing }
      : { title: "PyMySQL", run: pymysqlDriver(python.file) },
    isMissing(part)
      ? { title: "its command line", missing: part.missing }
      : { title: "its command line", run: commandLineDriver(part.client) },
  ];

  describe.skipIf(missing !== undefined)(missing ?? "every driver", () => {
    let server: TestMySql;
    let stand: Stand;

    beforeAll(async () => {
      const table = "create table t (id int auto_increment primary key, n bigint, s varchar(2000))";
      server = await start({
        generalLog: true,
        settings: { "character-set-server": "utf8mb4", ...settings },
        initSQL: `${mysqlRoleSQL} ${table};`,
      });
      stand = await startStand(server);
    });
    afterAll(async () => {
      await stand?.stop();
      await server?.stop();
    });

    it.for(drivers.map((driver, at) => ({ ...driver, seed: fuzzSeed + at })))(
      "each statement that the server logged is one record, and the other way round: $title",
      async ({ missing: without, run, seed }, context) => {
        if (run === undefined) {
          return context.skip(without);
        }
        stand.journal.clear();
        const at = { host: "127.0.0.1", port: stand.port, user: role.username, password: "any" };

        await run({ ...at, database: server.database, name: "proof" }, mysqlWorkload(seed, operations));

        await stand.journal.until(isClose);
        const { records } = stand.journal;
        const threads = records.flatMap((record) => (record.kind === "session.open" ? [record.server?.processID] : []));
        expect(threads).toHaveLength(1);
        const { said, logged } = accountOf(stand.journal, server, threads[0] ?? 0);
        expect(said).toEqual(logged);
        expect(logged.length).toBeGreaterThan(operations / 4);
        expect(records.map((record) => JSON.stringify(record)).filter((json) => json.includes(secretMark))).toEqual([]);
      },
    );
  });
});
