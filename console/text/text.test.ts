import { describe, expect, it } from "vitest";
import { bytesText, lengthText, plural } from "./amount.ts";
import { clockText, instantText } from "./clock.ts";
import { proxyCommand } from "./command.ts";
import { connectionLines } from "./connection.ts";
import { durationText } from "./duration.ts";
import { matchesWords } from "./matches.ts";
import { relativeTime } from "./relative-time.ts";

describe("a length of time", () => {
  it.each([
    [-1, "0 s"],
    [0.9, "0 s"],
    [59, "59 s"],
    [61, "1 min 1 s"],
    [240, "4 min"],
    [301, "5 min"],
    [3_599, "59 min"],
    [3_600, "1 h"],
    [5_400, "1 h 30 min"],
    [86_399, "23 h 59 min"],
    [86_400, "1 d"],
    [90_000, "1 d 1 h"],
    [604_800, "7 d"],
  ])("%d s is %s", (seconds, text) => {
    expect(durationText(seconds)).toBe(text);
  });
});

describe("an amount", () => {
  it.each([
    [0.04, "0.0 ms"],
    [9.99, "10.0 ms"],
    [10, "10 ms"],
    [999, "999 ms"],
    [1_000, "1.0 s"],
    [59_900, "59.9 s"],
    [60_000, "1 min"],
  ])("%d ms takes %s", (ms, text) => {
    expect(lengthText(ms)).toBe(text);
  });

  it.each([
    [0, "0 bytes"],
    [999, "999 bytes"],
    [1_000, "1 kB"],
    [3_200_000, "3.2 MB"],
    [2_500_000_000, "2.5 GB"],
  ])("%d bytes are %s", (bytes, text) => {
    expect(bytesText(bytes)).toBe(text);
  });

  it("is one of a thing, or many of them", () => {
    expect([plural(1, "row"), plural(12_345, "row")]).toEqual(["1 row", "12,345 rows"]);
  });
});

describe("a time of day", () => {
  it("is to the millisecond, and nothing where there is none", () => {
    const at = new Date(2026, 0, 5, 9, 4, 5, 7).getTime();

    expect(clockText(at)).toBe("09:04:05.007");
    expect(instantText(at)).toBe("2026-01-05 09:04:05.007");
    expect(clockText("soon")).toBe("");
  });
});

describe("an instant", () => {
  it.each([
    [0, "just now"],
    [-4_999, "just now"],
    [-65_000, "1 min ago"],
    [5_400_000, "in 1 h"],
    [-90_000_000, "1 d ago"],
  ])("%d ms from now is %s", (ms, text) => {
    expect(relativeTime(1_000_000_000 + ms, 1_000_000_000)).toBe(text);
  });
});

describe("a command to paste", () => {
  it("keeps every name one word of the shell", () => {
    expect(proxyCommand({ database: "orders", role: "read_only" })).toBe(
      "sallyport rds proxy --database orders --role read_only",
    );
    expect(proxyCommand({ database: "$(reboot)", role: "it's" })).toBe(
      String.raw`sallyport rds proxy --database '$(reboot)' --role 'it'\''s'`,
    );
  });
});

describe("connection lines", () => {
  it("are those that the command line prints", () => {
    const names = { database: "orders", role: "app_owner" };

    expect(connectionLines({ ...names, engine: "PostgreSQL", username: "a b", databaseName: "o/rders" })).toEqual([
      {
        what: "psql command",
        text: 'psql "postgresql://a%20b:password@127.0.0.1:5432/o%2Frders?sslmode=disable"',
      },
      { what: "connection string", text: "postgresql://a%20b:password@127.0.0.1:5432/o%2Frders?sslmode=disable" },
    ]);
    expect(
      connectionLines({ ...names, engine: "MariaDB", username: "app", databaseName: "st ock", localPort: 3307 }),
    ).toEqual([
      { what: "mysql command", text: "mysql -u app -p'password' -h 127.0.0.1 -P 3307 'st ock'" },
      {
        what: "JDBC address",
        text: "jdbc:mariadb://127.0.0.1:3307/st%20ock?user=app&password=password&sslMode=disable",
      },
    ]);
  });
});

describe("a filter", () => {
  it.each([
    ["", true],
    ["ORD", true],
    ["prod read", true],
    ["prod write", false],
    ["  read   orders ", true],
  ])('"%s"', (typed, expected) => {
    expect(matchesWords(typed, ["orders-production", "reader", undefined])).toBe(expected);
  });
});
