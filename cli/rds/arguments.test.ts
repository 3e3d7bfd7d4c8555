import { describe, expect, it } from "vitest";
import { testComputer } from "#test/cli/world.ts";
import { readArguments, type ProxyArguments } from "./arguments.ts";

const read = (options: Record<string, string | true>, positionals: readonly string[] = []): ProxyArguments => {
  using computer = testComputer();
  return readArguments({ options, positionals, world: computer.world });
};

describe("what is typed", () => {
  it("names databases in one way or the other", () => {
    expect(read({}).targets).toEqual([{}]);
    expect(read({ database: "orders", role: "read_only" }).targets).toEqual([
      { database: "orders", role: "read_only" },
    ]);
    expect(read({ target: "orders:read_only,staging/stock", role: "app_owner" }).targets).toEqual([
      { database: "orders", role: "read_only" },
      { namespace: "staging", database: "stock", role: "app_owner" },
    ]);
  });

  it("is asked for without questions by --yes and by --confirm", () => {
    expect([read({ yes: true }), read({ confirm: true }), read({})].map(({ request }) => request.yes)).toEqual([
      true,
      true,
      false,
    ]);
  });

  it("is a command behind --exec", () => {
    expect(read({ exec: true }, ["psql", "-c", "select 1"]).command).toEqual(["psql", "-c", "select 1"]);
    expect(read({}).command).toBeUndefined();
  });

  it.each<readonly [string, Record<string, string | true>, readonly string[], string]>([
    ["a port for several databases", { target: "a,b", port: "5432" }, [], "InvalidPort"],
    ["a port that is none", { port: "0" }, [], "InvalidPort"],
    ["both ways to name a database", { target: "a", database: "b" }, [], "InvalidTarget"],
    ["a database without a name", { target: ":read_only" }, [], "InvalidTarget"],
    ["a database with too many names", { target: "a:b:c" }, [], "InvalidTarget"],
    ["--exec without a command", { exec: true }, [], "NoCommand"],
    ["a word too many", {}, ["orders"], "UnexpectedArgument"],
    [
      "a form to print beside a command, whose standard output it is",
      { exec: true, print: "url" },
      ["psql"],
      "InvalidPrint",
    ],
    ["a form that is none", { print: "url,odbc" }, [], "InvalidPrint"],
  ])("is refused before anybody is asked: %s", (_, options, positionals, code) => {
    expect(() => read(options, positionals)).toThrow(
      expect.objectContaining({ code, next: expect.stringMatching(/.+/) }),
    );
  });
});
