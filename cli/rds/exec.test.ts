import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { World } from "../command.ts";
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
