import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { SessionOpen } from "#audit/record.ts";
import { isClose } from "#proxy/testing/journal.ts";
import { errorField, RawClient, say, shape, startup } from "#proxy/testing/raw-client.ts";
import { grantFor, role, roleSQL, startStand, type Stand } from "#proxy/testing/stand.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import type { HazardPolicy } from "#wire/link.ts";
import { decideRoleSettings, readRoleSettings, type RoleSetting } from "./role-settings.ts";

const flag: HazardPolicy = { policy: "Flag", sessionReads: "Flag", expectedSettings: [] };
const deny: HazardPolicy = { ...flag, policy: "Deny" };

describe("a session of Postgres that begins", () => {
  let postgres: TestPostgres;
  let stand: Stand;

  beforeAll(async () => {
    postgres = await startPostgres({
      initSQL: roleSQL,
      settings: { log_statement: "all", log_line_prefix: "%u|%a|" },
    });
    stand = await startStand(postgres, { readRoleSettings });
  });
  afterEach(async () => {
    await postgres.query(`alter role ${role.username} reset all`);
    stand.journal.clear();
  });
  afterAll(async () => {
    await stand?.stop();
    await postgres?.stop();
  });

  const parameters = (): Record<string, string> => ({ user: role.username, database: postgres.database });
  async function client(hazards?: HazardPolicy): Promise<RawClient> {
    stand.grant = grantFor(postgres, hazards === undefined ? {} : { hazards });
    return RawClient.start(stand.port, parameters());
  }
  async function leave(one: RawClient): Promise<void> {
    one.send(say.terminate());
    one.socket.end();
    await one.untilClosed();
    await stand.journal.until(isClose);
    await stand.quiet();
  }
  const opens = (): SessionOpen[] => stand.journal.records.filter((record) => record.kind === "session.open");

  it("says in its first record which settings an earlier session left it", async () => {
    const one = await client();
    one.send(say.query(`alter role ${role.username} set search_path = evil`));
    await one.until("Z");
    await leave(one);

    const two = await client();
    await leave(two);

    expect(stand.journal.starts[0]?.notices).toEqual(["hazard:role-settings"]);
    expect(opens().map(({ notices }) => notices)).toEqual([
      undefined,
      ["hazard:role-settings", "role-setting:search_path"],
    ]);
  });

  it("is refused under Deny, with the setting and the SQL that removes it", async () => {
    await postgres.query(`alter role ${role.username} set search_path = evil`);
    stand.grant = grantFor(postgres, { hazards: deny });
    const one = await RawClient.dial(stand.port);
    one.expectMessages();
    one.send(startup(parameters()));

    const replies = await one.untilClosed();

    expect(shape(replies)).toBe("E");
    expect(errorField(replies[0], "C")).toBe("42501");
    expect(errorField(replies[0], "M")).toContain("search_path (Database default/orders");
    expect(errorField(replies[0], "M")).toContain(`ALTER ROLE ${role.username} RESET search_path;`);
    expect(stand.health.at(-1)).not.toBe("Unreachable");
  });

  it("is let in where the settings are meant", async () => {
    await postgres.query(`alter role ${role.username} set work_mem = '1MB'`);

    const one = await client({ ...deny, expectedSettings: ["work_mem=1MB"] });
    await leave(one);

    expect(opens()[0]?.notices).toBeUndefined();
  });

  it("finds settings though search_path hides the catalogs' functions and operators", async () => {
    await postgres.query(`alter role ${role.username} set search_path = pg_temp, public, pg_catalog`);

    const one = await client();
    await leave(one);

    expect(opens()[0]?.notices).toEqual(["hazard:role-settings", "role-setting:search_path"]);
  });

  it("adds nothing to the person's statements, neither in the trail nor in the server's log", async () => {
    const from = readFileSync(postgres.logFile).length;

    const one = await client();
    one.send(say.query("select 1"));
    await one.until("Z");
    await leave(one);

    const log = readFileSync(postgres.logFile).toString("utf8", from);
    const pattern = new RegExp(
      `^${role.username}\\|(?!sallyport\\|)[^|]*\\|LOG: {2}(?:statement|execute [^:]+): (.*)$`,
    );
    expect(log.split("\n").flatMap((line) => pattern.exec(line)?.[1] ?? [])).toEqual(["select 1"]);
    expect(stand.journal.starts.map(({ sql }) => sql)).toEqual(["select 1"]);
  });
});

describe("decideRoleSettings", () => {
  const place = { database: "default/orders", databaseName: "Orders", username: "ro" };
  const setting = (change: Partial<RoleSetting>): RoleSetting => ({
    name: "work_mem",
    value: "1MB",
    isRole: true,
    isDatabase: false,
    ...change,
  });

  it("names the SQL for each place that a setting can have", () => {
    const { refusal } = decideRoleSettings(
      [
        setting({}),
        setting({ isDatabase: true, name: "app.Mode" }),
        setting({ isRole: false, isDatabase: true }),
        setting({ isRole: false }),
      ],
      deny,
      place,
    );

    expect(refusal).toContain(
      'ALTER ROLE ro RESET work_mem; ALTER ROLE ro IN DATABASE "Orders" RESET app."Mode"; ' +
        'ALTER DATABASE "Orders" RESET work_mem; ALTER ROLE ALL RESET work_mem;',
    );
  });

  it("an expected value is the only one that is expected", () => {
    const policy = { ...deny, expectedSettings: ["Work_Mem=2MB", "statement_timeout"] };

    expect(decideRoleSettings([setting({ value: "2MB" })], policy, place)).toEqual({ notices: [] });
    expect(decideRoleSettings([setting({ name: "statement_timeout", value: "1" })], policy, place).notices).toEqual([]);
    expect(decideRoleSettings([setting({})], policy, place).refusal).toContain("work_mem");
  });

  it("what the server hides is said to be unknown, and refuses nobody", () => {
    expect(decideRoleSettings("unknown", deny, place)).toEqual({ notices: ["role-settings-unknown"] });
  });
});
