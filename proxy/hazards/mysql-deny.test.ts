import { type Connection, createConnection } from "mysql2/promise";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isClose } from "#proxy/testing/journal.ts";
import { grantFor, mysqlRoleSQL, role, startStand, type Stand } from "#proxy/testing/stand.ts";
import { mariadbMissing, startMariaDB } from "#test/harness/mariadb.ts";
import { mysqlMissing, startMySQL } from "#test/harness/mysql.ts";
import type { TestMySql } from "#test/harness/mysql-server.ts";
import type { HazardPolicy } from "#wire/link.ts";

const refused = { errno: 1_227, sqlState: "42000" };
const deny: HazardPolicy = { policy: "Deny", sessionReads: "Deny", expectedSettings: [] };

describe.each([
  { name: "MariaDB", start: startMariaDB, missing: await mariadbMissing() },
  { name: "MySQL", start: startMySQL, missing: await mysqlMissing() },
])("a refused statement of $name", ({ start, missing }) => {
  let server: TestMySql;
  let stand: Stand;
  const clients: Connection[] = [];

  beforeAll(async () => {
    if (missing === undefined) {
      server = await start({ initSQL: `${mysqlRoleSQL} create table orders (id int primary key, item text);` });
      stand = await startStand(server);
    }
  });
  beforeEach(({ skip }) => skip(missing !== undefined, missing));
  afterEach(async () => {
    for (const client of clients.splice(0)) {
      client.destroy();
    }
    await stand?.quiet();
    stand?.journal.clear();
  });
  afterAll(async () => {
    await stand?.stop();
    await server?.stop();
  });

  async function connect(hazards: HazardPolicy = deny): Promise<Connection> {
    stand.grant = { ...grantFor(server), hazards };
    const client = await createConnection({
      host: "127.0.0.1",
      port: stand.port,
      user: role.username,
      password: "password",
      database: server.database,
      multipleStatements: true,
    });
    client.on("error", () => {});
    clients.push(client);
    return client;
  }

  it("is an error of the statement, and the next person can still log in", async () => {
    const one = await connect();

    await expect(one.query("set password = password('taken')")).rejects.toMatchObject(refused);
    await expect(one.query("alter user user() identified by 'taken'")).rejects.toMatchObject({
      message: expect.stringContaining("Database default/orders, sharedUserHazards.policy: Deny"),
    });
    await expect(one.query("select 1; set password = 'taken'")).rejects.toMatchObject(refused);
    const [rows] = await one.query("select 7 as n");
    await one.end();
    await stand.journal.until(isClose);
    const told = stand.journal.statements();
    const two = await connect();
    await two.query("select 1");

    expect(rows).toEqual([{ n: 7 }]);
    expect(told[0]?.start.notices).toEqual(["hazard:credential-change", "refused"]);
    expect(told[0]?.end?.outcome).toBe("not-executed");
  });

  it("is refused when it is prepared, by the protocol and by SQL", async () => {
    const one = await connect();

    await expect(one.execute("select * from information_schema.processlist where id = ?", [1])).rejects.toMatchObject(
      refused,
    );
    await expect(one.query("prepare s from 'set password = ''x'''")).rejects.toMatchObject(refused);
    await expect(one.query("execute s")).rejects.toMatchObject(refused);
    await one.query("prepare t from 'select 1'");
    const [rows] = await one.query("execute t");

    expect(rows).toHaveLength(1);
  });

  it("is a KILL of another grant's session under any policy, and never one of the same grant's", async () => {
    const [one, two] = [await connect({ ...deny, policy: "Flag" }), await connect()];
    const id = (await two.query<never>("select connection_id() as id"))[0] as unknown as readonly { id: number }[];

    await expect(one.query("kill 1")).rejects.toMatchObject({ errno: 1_094 });
    await one.query(`kill query ${id[0]?.id}`);
    await one.query("show tables");

    expect(stand.journal.starts.find(({ sql }) => sql === "kill 1")?.notices).toEqual([
      "hazard:session-end",
      "refused",
    ]);
    expect(stand.journal.starts.find(({ sql }) => String(sql).startsWith("kill query"))?.notices).toBeUndefined();
  });

  it("Flag marks and forwards", async () => {
    const one = await connect({ ...deny, sessionReads: "Flag" });

    await one.query("show processlist");

    expect(stand.journal.starts.find(({ sql }) => sql === "show processlist")?.notices).toEqual([
      "hazard:session-read",
    ]);
  });
});
