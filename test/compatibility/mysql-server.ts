import { readFileSync, truncateSync } from "node:fs";
import { createConnection } from "mysql2/promise";
import { readGeneralLog } from "#proxy/testing/general-log.ts";
import { startMariaDB } from "#test/harness/mariadb.ts";
import { startMySQL } from "#test/harness/mysql.ts";
import { databases, type MatrixServer, role } from "./matrix.ts";
import { mysqlDisagreements } from "./mysql-account.ts";

/** Each of the two databases: 50,000 numbers, a procedure with two results, and one of each kind that a dump writes. */
function fixtureSQL(database: string): string {
  return `
    create database if not exists ${database} character set utf8mb4;
    use ${database};
    create table digits (n int primary key);
    insert into digits values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);
    create table numbers (n int primary key);
    insert into numbers select 1 + a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n
      from digits a, digits b, digits c, digits d, digits e where e.n < 5;
    create table customers (id int auto_increment primary key, name varchar(80) not null unique, note text, photo blob,
      since datetime(6), kind enum('open', 'it''s — 🚪'), extra json, check (name <> ''));
    insert into customers (name, note, photo, since, kind, extra)
      select concat('customer ', n), if(n % 3 = 0, 'tab\\t \\\\ \\'ünï—🚪', null), unhex(sha2(n, 256)), '2026-02-03 04:05:06.789', 'open', '{"a": [1, null]}'
      from numbers where n <= 500;
    create table orders (id bigint auto_increment primary key, customer int, total decimal(10, 2),
      foreign key (customer) references customers (id) on delete cascade, index (total));
    insert into orders (customer, total) select c.id, n.n / 7 from customers c join numbers n on n.n <= 4;
    create definer = ${role}@'%' view open_orders as select o.id, c.name from orders o join customers c on c.id = o.customer;
    create definer = ${role}@'%' trigger touch before insert on customers for each row set new.note = coalesce(new.note, '');
    create definer = ${role}@'%' procedure two_sets(x int) begin select x; select x * 2, 'two'; end;
    grant all on ${database}.* to ${role}@'%';
  `;
}

/** Starts a server of the matrix. */
export async function startMysqlServer(
  title: string,
  engine: "MariaDB" | "MySQL",
  password: string,
): Promise<MatrixServer> {
  const server = await (engine === "MariaDB" ? startMariaDB : startMySQL)({
    database: databases.through,
    generalLog: true,
    // Parameters of 18 MB come in several packets; a definer other than the role would not be restored.
    settings: {
      "max-allowed-packet": "64M",
      "log-bin-trust-function-creators": "1",
      "character-set-server": "utf8mb4",
    },
    initSQL: `create user ${role}@'%' identified by '${password}'; ${Object.values(databases).map(fixtureSQL).join(" ")} ${engine === "MySQL" ? `grant select on performance_schema.* to ${role}@'%';` : ""}`,
  });
  return {
    title,
    engine,
    host: server.host,
    port: server.port,
    ca: server.ca,
    watch: {
      async isRunning(sql, database) {
        const found = "select 1 as n from information_schema.processlist where info = ? and db = ?";
        return (await server.query(found, [sql, database])).length > 0;
      },
    },
    account() {
      // The server appends to it; the clients before said megabytes.
      truncateSync(server.generalLogFile);
      return Promise.resolve((records) => {
        const log = readGeneralLog(server.generalLogFile, threadsOf(server.generalLogFile));
        return Promise.resolve(mysqlDisagreements(records, log));
      });
    },
    async mark({ host, port, user, password: secret, database }, sql) {
      const connection = await createConnection({ host, port, user, password: secret, database });
      await connection.query(sql);
      await connection.end();
    },
    stop: () => server.stop(),
  };
}

/** Threads of the role in the database of clients behind the proxy. */
function threadsOf(file: string): Set<number> {
  const connects = readFileSync(file, "utf8").matchAll(
    new RegExp(`\\s(\\d+) Connect\\t${role}@\\S+ on ${databases.through} using`, "g"),
  );
  return new Set([...connects].map(([, thread]) => Number(thread)));
}
