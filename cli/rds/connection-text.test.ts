import { describe, expect, it } from "vitest";
import type { LocalDatabase } from "#wire/connection-strings.ts";
import { connectionText } from "./connection-text.ts";

const local = (change: Partial<LocalDatabase>): LocalDatabase => ({
  engine: "PostgreSQL",
  database: "orders",
  role: "read_only",
  username: "read_only",
  databaseName: "orders",
  port: 5432,
  password: "password",
  ...change,
});

describe("what a person pastes into a client", () => {
  it("is the engine's own, with the word password in place of the password", () => {
    expect(connectionText(local({}))).toEqual({
      url: "postgresql://read_only:password@127.0.0.1:5432/orders?sslmode=disable",
      command: 'psql "postgresql://read_only:password@127.0.0.1:5432/orders?sslmode=disable"',
    });
    expect(connectionText(local({ engine: "MySQL", port: 3306 }))).toEqual({
      url: "read_only:password@tcp(127.0.0.1:3306)/orders",
      command: "mysql -u read_only -p'password' -h 127.0.0.1 -P 3306 orders",
    });
  });

  it("is a valid address whatever the names hold", () => {
    const { url } = connectionText(local({ username: "a@b/c", databaseName: "x?y z" }));

    const parsed = new URL(url);
    expect([parsed.host, decodeURIComponent(parsed.username), decodeURIComponent(parsed.pathname)]).toEqual([
      "127.0.0.1:5432",
      "a@b/c",
      "/x?y z",
    ]);
  });

  it("can be pasted whatever the names hold", () => {
    const { command } = connectionText(
      local({ engine: "MariaDB", username: "a'b c", databaseName: "x;reboot", port: 3306 }),
    );

    expect(command).toBe(`mysql -u 'a'\\''b c' -p'password' -h 127.0.0.1 -P 3306 'x;reboot'`);
  });
});
