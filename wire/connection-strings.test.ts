import { describe, expect, it } from "vitest";
import {
  connectionString,
  environmentOf,
  type LocalDatabase,
  mysqlCommand,
  printKinds,
  suggestedPort,
} from "./connection-strings.ts";

const orders: LocalDatabase = {
  engine: "PostgreSQL",
  database: "orders",
  role: "read_only",
  databaseName: "orders",
  username: "read_only",
  port: 5432,
  password: "password",
};
const stock: LocalDatabase = { ...orders, engine: "MySQL", database: "stock", databaseName: "stock", port: 3306 };
const all = (local: LocalDatabase): Record<string, string | undefined> =>
  Object.fromEntries(printKinds.map((kind) => [kind, connectionString(kind, local)]));

describe("ready-made strings", () => {
  it("for PostgreSQL", () => {
    expect(all(orders)).toMatchInlineSnapshot(`
      {
        "dbeaver": "dbeaver -con "name=orders read_only|driver=postgresql|host=127.0.0.1|port=5432|database=orders|user=read_only|password=password|savePassword=true|prop.sslmode=disable|create=true|save=true|connect=true"",
        "env": "export PGHOST=127.0.0.1
      export PGPORT=5432
      export PGUSER=read_only
      export PGDATABASE=orders
      export PGPASSWORD=password
      export PGSSLMODE=disable
      export DATABASE_URL='postgresql://read_only:password@127.0.0.1:5432/orders?sslmode=disable'",
        "go": "pgx.Connect(ctx, "postgresql://read_only:password@127.0.0.1:5432/orders?sslmode=disable")",
        "jdbc": "jdbc:postgresql://127.0.0.1:5432/orders?user=read_only&password=password&sslmode=disable",
        "json": "{"host":"127.0.0.1","engine":"PostgreSQL","database":"orders","role":"read_only","databaseName":"orders","username":"read_only","port":5432,"password":"password","url":"postgresql://read_only:password@127.0.0.1:5432/orders?sslmode=disable","jdbc":"jdbc:postgresql://127.0.0.1:5432/orders?user=read_only&password=password&sslmode=disable"}",
        "mariadb": undefined,
        "mysql": undefined,
        "node": "new pg.Client("postgresql://read_only:password@127.0.0.1:5432/orders?sslmode=disable")",
        "psql": "psql "postgresql://read_only:password@127.0.0.1:5432/orders?sslmode=disable"",
        "python": "psycopg.connect("postgresql://read_only:password@127.0.0.1:5432/orders?sslmode=disable")",
        "url": "postgresql://read_only:password@127.0.0.1:5432/orders?sslmode=disable",
      }
    `);
  });

  it("for MySQL", () => {
    expect(all(stock)).toMatchInlineSnapshot(`
      {
        "dbeaver": "dbeaver -con "name=stock read_only|driver=mysql8|host=127.0.0.1|port=3306|database=stock|user=read_only|password=password|savePassword=true|prop.sslMode=DISABLED|prop.allowPublicKeyRetrieval=true|create=true|save=true|connect=true"",
        "env": "export MYSQL_HOST=127.0.0.1
      export MYSQL_TCP_PORT=3306
      export MYSQL_PORT=3306
      export MYSQL_USER=read_only
      export MYSQL_DATABASE=stock
      export MYSQL_PWD=password
      export MYSQL_PASSWORD=password
      export DATABASE_URL=mysql://read_only:password@127.0.0.1:3306/stock",
        "go": "sql.Open("mysql", "read_only:password@tcp(127.0.0.1:3306)/stock")",
        "jdbc": "jdbc:mysql://127.0.0.1:3306/stock?user=read_only&password=password&sslMode=DISABLED&allowPublicKeyRetrieval=true",
        "json": "{"host":"127.0.0.1","engine":"MySQL","database":"stock","role":"read_only","databaseName":"stock","username":"read_only","port":3306,"password":"password","url":"mysql://read_only:password@127.0.0.1:3306/stock","jdbc":"jdbc:mysql://127.0.0.1:3306/stock?user=read_only&password=password&sslMode=DISABLED&allowPublicKeyRetrieval=true"}",
        "mariadb": "mariadb -u read_only -p'password' -h 127.0.0.1 -P 3306 stock",
        "mysql": "mysql -u read_only -p'password' -h 127.0.0.1 -P 3306 stock",
        "node": "await mysql.createConnection("mysql://read_only:password@127.0.0.1:3306/stock")",
        "psql": undefined,
        "python": "pymysql.connect(host="127.0.0.1", port=3306, user="read_only", password="password", database="stock")",
        "url": "mysql://read_only:password@127.0.0.1:3306/stock",
      }
    `);
  });

  it("for MariaDB has its own driver's address", () => {
    expect(connectionString("jdbc", { ...stock, engine: "MariaDB" })).toBe(
      "jdbc:mariadb://127.0.0.1:3306/stock?user=read_only&password=password&sslMode=disable",
    );
  });

  it("leave a secret out that nobody asked to see", () => {
    const { password, ...local } = { ...orders, password: "top-secret" };

    for (const text of [...Object.values(all(local)), ...Object.values(all({ ...local, engine: "MySQL" }))]) {
      expect(text ?? "").not.toContain("assword=");
      expect(text ?? "").not.toContain(password);
    }
    expect(Object.keys(environmentOf(local))).not.toContain("PGPASSWORD");
  });

  it("stay one word, and one name, whatever the names hold", () => {
    const odd = { ...orders, username: `a'b"c$(reboot) d`, databaseName: "x/y?z&w" };
    const url = new URL(connectionString("url", odd) ?? "");

    expect([decodeURIComponent(url.username), decodeURIComponent(url.pathname), url.search]).toEqual([
      odd.username,
      "/x/y?z&w",
      "?sslmode=disable",
    ]);
    expect(connectionString("env", odd)).toContain(`export PGUSER='a'\\''b"c$(reboot) d'`);
    expect(connectionString("python", odd)?.match(/"/g)).toHaveLength(2);
  });
});

it.each([
  [{ engine: "PostgreSQL", localPort: 5555 } as const, 5555],
  [{ engine: "PostgreSQL" } as const, 5432],
  [{ engine: "MySQL" } as const, 3306],
  [{ engine: "MariaDB" } as const, 3306],
])("the port that a database asks for is its own, else the engine's", (wanted, port) => {
  expect(suggestedPort(wanted)).toBe(port);
});

it("an option file that knows the password comes first, and no other password beside it", () => {
  const local: LocalDatabase = { ...orders, engine: "MySQL", port: 3306 };

  expect(mysqlCommand("mysql", local, "/home/a b/my.cnf")).toBe(
    "mysql --defaults-extra-file='/home/a b/my.cnf' -u read_only -h 127.0.0.1 -P 3306 orders",
  );
});
