import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { World } from "../command.ts";
import type { TerminalPlace } from "../output/terminal-place.ts";
import { testComputer } from "#test/cli/world.ts";
import { runCommand, startFailureCode } from "./exec.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "sallyport-exec-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A computer whose process gets signals from the test. */
function computerWithSignals(interactive = false) {
  const computer = testComputer({ environment: { PATH: process.env["PATH"] ?? "", KEPT: "yes" } });
  let handler: ((signal: NodeJS.Signals) => void) | undefined;
  const world: World = {
    ...computer.world,
    interactive,
    takeSignals(taken) {
      handler = taken;
      return () => (handler = undefined);
    },
  };
  return { world, send: (signal: NodeJS.Signals) => handler?.(signal), isTaken: () => handler !== undefined };
}

const node = (script: string): string[] => [process.execPath, "-e", script];

describe("a command that is run", () => {
  it("finds what it was given beside what was there, and its exit code is the answer", async () => {
    const { world } = computerWithSignals();
    const file = path.join(folder, "said");
    const script = `fs.writeFileSync(${JSON.stringify(file)}, process.env.PGPORT + process.env.KEPT); process.exit(7)`;

    const code = await runCommand(node(script), { PGPORT: "5432" }, world);

    expect([code, readFileSync(file, "utf8")]).toEqual([7, "5432yes"]);
  });

  it("is not led elsewhere by what the person's own environment says of other databases", async () => {
    const { world } = computerWithSignals();
    const file = path.join(folder, "said");
    const own = {
      PGHOSTADDR: "203.0.113.7",
      PGSERVICE: "production",
      PGREQUIREAUTH: "scram-sha-256",
      PGAPPNAME: "mine",
    };
    const script = `fs.writeFileSync(${JSON.stringify(file)}, Object.keys(process.env).filter((name) => /^PG/.test(name)).join())`;

    await runCommand(
      node(script),
      { PGHOST: "127.0.0.1" },
      { ...world, environment: { ...world.environment, ...own } },
    );

    expect(readFileSync(file, "utf8").split(",").toSorted()).toEqual(["PGAPPNAME", "PGHOST"]);
  });

  it("gets the signals that are sent to this process, and tells by its exit code which one ended it", async () => {
    const { world, send, isTaken } = computerWithSignals();
    const file = path.join(folder, "ready");
    const running = runCommand(
      node(`fs.writeFileSync(${JSON.stringify(file)}, ""); setInterval(() => {}, 1e6)`),
      {},
      world,
    );

    expect(isTaken()).toBe(true);
    send("SIGTERM");

    expect(await running).toBe(128 + 15);
    expect(isTaken()).toBe(false);
  });

  it("at a terminal gets Ctrl-C from the terminal, and not a second time from here", async () => {
    const { world, send } = computerWithSignals(true);
    const file = path.join(folder, "go");
    const running = runCommand(
      node(`const timer = setInterval(() => fs.existsSync(${JSON.stringify(file)}) && process.exit(0), 10)`),
      {},
      world,
    );

    send("SIGINT");
    writeFileSync(file, "");

    expect(await running).toBe(0);
  });

  it.each<[string, TerminalPlace, boolean, number]>([
    ["with other input than the terminal it is not doubled either", "front", false, 0],
    ["behind a shell's prompt, or without a terminal, it has to be passed on", "back", true, 128 + 2],
  ])("Ctrl-C: %s", async (_, place, interactive, expected) => {
    const { world, send } = computerWithSignals(interactive);
    const file = path.join(folder, "go");
    const script = `const timer = setInterval(() => fs.existsSync(${JSON.stringify(file)}) && process.exit(0), 10)`;
    const placed = { ...world, terminal: { ...world.terminal, place: () => place } };
    const running = runCommand(node(script), {}, placed);

    send("SIGINT");
    if (expected === 0) {
      writeFileSync(file, "");
    }

    expect(await running).toBe(expected);
  });

  it("that is not there, or is no program, is an error with the exit code that shells give", async () => {
    const { world } = computerWithSignals();
    const file = path.join(folder, "text");
    writeFileSync(file, "no program", { mode: 0o644 });

    const missing: unknown = await runCommand(["sallyport-no-such-program"], {}, world).catch(
      (error: unknown) => error,
    );
    const forbidden: unknown = await runCommand([file], {}, world).catch((error: unknown) => error);

    expect([missing, forbidden]).toMatchObject([{ code: "CommandNotFound" }, { code: "CommandNotRun" }]);
    expect([missing, forbidden, new Error("x")].map(startFailureCode)).toEqual([127, 126, undefined]);
  });
});
