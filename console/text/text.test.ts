import { describe, expect, it } from "vitest";
import { proxyCommand, shellWord } from "./command.ts";
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
    expect(shellWord("$(reboot)")).toBe("'$(reboot)'");
    expect(shellWord("it's; rm -rf ~")).toBe(String.raw`'it'\''s; rm -rf ~'`);
    expect(shellWord("")).toBe("''");
  });
});

describe("connection lines", () => {
  it("are those that the command line prints", () => {
    expect(connectionLines({ engine: "PostgreSQL", username: "a b", databaseName: "o/rders" })).toEqual([
      {
        what: "psql command",
        text: 'psql "postgresql://a%20b:password@127.0.0.1:5432/o%2Frders?sslmode=disable"',
      },
      { what: "connection string", text: "postgresql://a%20b:password@127.0.0.1:5432/o%2Frders?sslmode=disable" },
    ]);
    expect(
      connectionLines({ engine: "MariaDB", username: "app", databaseName: "st ock", localPort: 3307 })[0]?.text,
    ).toBe("mysql -u app -p'password' -h 127.0.0.1 -P 3307 'st ock'");
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
