import { createConnection } from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mariadbMissing, startMariaDB } from "#test/harness/mariadb.ts";
import { mysqlMissing, startMySQL } from "#test/harness/mysql.ts";
import type { TestMySql } from "#test/harness/mysql-server.ts";
import { isClose } from "../testing/journal.ts";
import { accountOf } from "../testing/mysql-accounting.ts";
import { mysqlRoleSQL, role, startStand, type Stand } from "../testing/stand.ts";

const servers = [
  { name: "MariaDB", missing: await mariadbMissing(), start: startMariaDB, settings: {} },
  // Otherwise it logs no text that it cannot parse, and rewrites those that hold a password.
  { name: "MySQL", missing: await mysqlMissing(), start: startMySQL, settings: { "log-raw": "1" } },
] as const;

describe.each(servers)("$name's general log accounts for the audit trail", ({ missing, start, settings }) => {
  describe.skipIf(missing !== undefined)(missing ?? "", () => {
    let server: TestMySql;
    let stand: Stand;

    beforeAll(async () => {
      const table = "create table t (id int auto_increment primary key, n bigint, s varchar(2000))";
      server = await start({ generalLog: true, settings, initSQL: `${mysqlRoleSQL} ${table};` });
      stand = await startStand(server);
    });
    afterAll(async () => {
      await stand?.stop();
      await server?.stop();
    });

    it("one to one, over a workload of mysql2", async () => {
      const connection = await createConnection({
        host: "127.0.0.1",
        port: stand.port,
        user: role.username,
        password: "any",
        database: "orders",
        multipleStatements: true,
      });
      const { threadId } = connection;
      for (let round = 0; round < 20; round += 1) {
        await connection.query("insert into t (n, s) values (?, ?)", [round, `it's ${round}`]);
        await connection.execute("insert into t (n, s) values (?, ?)", [round, "ü'\\"]);
        await connection.execute("select * from t where n = ? and s <> ?", [round, null]);
        await connection.query("selec").catch(() => {});
        await connection.execute("selec ?", [1]).catch(() => {});
        await connection.query("select 1; select 2; select * from missing; select 3").catch(() => {});
        await connection.query("set password for nobody = 'S3cret'").catch(() => {});
        await connection.beginTransaction();
        await connection.rollback();
        await connection.ping();
      }
      await connection.end();
      await stand.journal.until(isClose);

      const { said, logged } = accountOf(stand.journal, server, threadId);
      expect(said).toEqual(logged);
      expect(stand.journal.starts.length).toBeGreaterThan(100);
    });
  });
});
