import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { UserError } from "#lib/errors.ts";
import { migrate, migrations } from "./schema.ts";

describe("migrate", () => {
  it("applies what is missing, once, and refuses a store of a newer release", () => {
    const database = new DatabaseSync(":memory:");

    migrate(database);
    migrate(database, [...migrations, { up: "CREATE TABLE later (a INTEGER) STRICT", down: "DROP TABLE later" }]);

    expect(database.prepare("SELECT count(*) AS n FROM later").get()).toEqual({ n: 0 });
    expect(() => migrate(database)).toThrow(UserError);
    database.close();
  });
});
