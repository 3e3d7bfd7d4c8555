import { describe, expect, it } from "vitest";
import type { ConnectInfo } from "#wire/control-api.ts";
import { connectionText, suggestedPort } from "./connection-text.ts";

const info = (change: Partial<ConnectInfo>): ConnectInfo =>
  ({ engine: "PostgreSQL", username: "read_only", databaseName: "orders", ...change }) as ConnectInfo;

describe("what a person pastes into a client", () => {
  it("is the engine's own, with the word password in place of the password", () => {
    expect(connectionText(info({}), 5432, "password")).toEqual({
      url: "postgresql://read_only:password@127.0.0.1:5432/orders?sslmode=disable",
      command: 'psql "postgresql://read_only:password@127.0.0.1:5432/orders?sslmode=disable"',
    });
    expect(connectionText(info({ engine: "MySQL" }), 3306, "password")).toEqual({
      url: "read_only:password@tcp(127.0.0.1:3306)/orders",
      command: "mysql -u read_only -p'password' -h 127.0.0.1 -P 3306 orders",
    });
  });

  it("is a valid address whatever the names hold", () => {
    const { url } = connectionText(info({ username: "a@b/c", databaseName: "x?y z" }), 5432, "password");

    const parsed = new URL(url);
    expect([parsed.host, decodeURIComponent(parsed.username), decodeURIComponent(parsed.pathname)]).toEqual([
      "127.0.0.1:5432",
      "a@b/c",
      "/x?y z",
    ]);
  });
});

it("a command line can be pasted whatever the names hold", () => {
  const { command } = connectionText(
    info({ engine: "MariaDB", username: "a'b c", databaseName: "x;reboot" }),
    3306,
    "password",
  );

  expect(command).toBe(`mysql -u 'a'\\''b c' -p'password' -h 127.0.0.1 -P 3306 'x;reboot'`);
});

it.each([
  [info({ localPort: 5555 }), 5555],
  [info({}), 5432],
  [info({ engine: "MySQL" }), 3306],
  [info({ engine: "MariaDB" }), 3306],
])("the port that a database asks for is its own, else the engine's", (wanted, port) => {
  expect(suggestedPort(wanted)).toBe(port);
});
