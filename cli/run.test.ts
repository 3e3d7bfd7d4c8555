import { describe, expect, it } from "vitest";
import { UserError } from "#lib/errors.ts";
import { testComputer } from "#test/cli/world.ts";
import type { Command, Invocation } from "./command.ts";

const seen: Invocation[] = [];
const echo: Command = {
  name: "thing echo",
  summary: "Say it again",
  positionals: ["WORD…"],
  options: [
    { name: "times", short: "t", value: "N", summary: "how often", fallback: "1" },
    { name: "loud", summary: "in capitals" },
  ],
  examples: [{ run: "sallyport thing echo hi", does: "says hi" }],
  run: async (invocation) => {
    seen.push(invocation);
    invocation.world.output.result({ said: invocation.positionals }, () => invocation.positionals.join(" "));
    return 0;
  },
};
const failing = (error: unknown): Command => ({
  ...echo,
  name: "fail",
  positionals: [],
  options: [{ name: "must", value: "X", summary: "needed", required: true }],
  run: async () => {
    throw error;
  },
});
const commands = [echo, failing(new UserError("Broken", "it broke", { why: "of this", next: "do that" }))];

describe("the command line", () => {
  it("gives a command what was typed, by the names of its options", async () => {
    using computer = testComputer();

    const { code, out } = await computer.run(commands, "thing", "echo", "a", "b", "-t", "2", "--loud");

    expect({ code, out }).toEqual({ code: 0, out: "a b\n" });
    expect(seen.at(-1)?.positionals).toEqual(["a", "b"]);
    expect(seen.at(-1)?.options).toEqual({ times: "2", loud: true, output: "text" });
  });

  it("shows what every command takes, with examples", async () => {
    using computer = testComputer();

    const { code, out } = await computer.run(commands, "thing", "echo", "--help");

    expect(code).toBe(0);
    expect(out).toMatchInlineSnapshot(`
      "Usage: sallyport thing echo [options] <WORD...>

      Say it again

      Options:
        -t, --times <N>        how often (default: "1")
        --loud                 in capitals
        -o, --output <FORMAT>  text or json (choices: "text", "json", default: "text")
        -h, --help             display help for command

      Examples:
        sallyport thing echo hi
            says hi
      "
    `);
  });

  it("lists commands under their groups", async () => {
    using computer = testComputer();

    const { code, out } = await computer.run(commands, "--help");

    expect(code).toBe(0);
    expect(out).toMatchInlineSnapshot(`
      "Usage: sallyport [options] [command]

      Just-in-time access to databases on AWS RDS

      Options:
        -V, --version   output the version number
        -h, --help      display help for command

      Commands:
        thing           thing echo
        fail [options]  Say it again
        help [command]  display help for command
      "
    `);
  });

  it.each([
    [["nothing"], "unknown command"],
    [["thing", "ech", "x"], "Did you mean echo?"],
    [["thing", "echo"], "missing required argument"],
    [["thing", "echo", "x", "--volume", "9"], "unknown option"],
    [["fail"], "required option '--must <X>' not specified"],
    [["fail", "--must", "x", "more"], "too many arguments"],
    [["thing", "echo", "x", "--output", "yaml"], "Allowed choices are text, json"],
    [[], "Usage: sallyport"],
  ])("exits with 2 for wrong usage: %j", async (argv, text) => {
    using computer = testComputer();

    const { code, out, err } = await computer.run(commands, ...argv);

    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(text);
  });

  it("exits with the command's own code for wrong usage of one for which 2 means something else", async () => {
    using computer = testComputer();
    const picky: Command = { ...echo, usageExitCode: 1 };

    expect((await computer.run([picky], "thing", "echo")).code).toBe(1);
    expect((await computer.run([picky], "thing", "echo", "x", "--volume")).code).toBe(1);
    expect((await computer.run([picky], "thing", "echo", "--help")).code).toBe(0);
  });

  it("shows an error in its three parts and exits with 1, as JSON where JSON was asked for", async () => {
    using computer = testComputer();

    expect(await computer.run(commands, "fail", "--must", "x")).toEqual({
      code: 1,
      out: "",
      err: "[✘] it broke\n    why:  of this\n    next: do that\n",
    });
    const json = await computer.run(commands, "fail", "--must", "x", "-o", "json");
    expect({ ...json, err: JSON.parse(json.err) as unknown }).toEqual({
      code: 1,
      out: "",
      err: { error: { code: "Broken", message: "it broke", why: "of this", next: "do that" } },
    });
  });

  it("calls what is no UserError a defect", async () => {
    using computer = testComputer();

    const { code, err } = await computer.run([failing(new TypeError("x is undefined"))], "fail", "--must", "x");

    expect(code).toBe(1);
    expect(err).toContain("unexpected error: x is undefined");
    expect(err).toContain("This is a defect.");
  });

  it("exits with 130 after Ctrl-C, without a word on what broke off because of it", async () => {
    using computer = testComputer();
    const question = failing(new UserError("Interrupted", "cancelled operation"));

    expect(await computer.run([question], "fail", "--must", "x")).toMatchObject({
      code: 130,
      err: "[✘] cancelled operation\n",
    });
    computer.stop();
    expect(await computer.run([failing(new Error("aborted"))], "fail", "--must", "x")).toEqual({
      code: 130,
      out: "",
      err: "",
    });
  });

  it("says its version", async () => {
    using computer = testComputer();

    expect(await computer.run(commands, "--version")).toEqual({ code: 0, out: "0.0.0-test\n", err: "" });
  });
});
