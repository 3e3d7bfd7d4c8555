import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough } from "node:stream";
import { type Clock, systemClock } from "#lib/clock.ts";
import type { Command, World } from "#cli/command.ts";
import { createOutput } from "#cli/output/output.ts";
import { runCli } from "#cli/run.ts";

/** A computer with a home directory of its own, and everything that a command said on it. */
export interface TestComputer extends Disposable {
  readonly world: World;
  readonly home: string;
  /** Standard output and standard error so far. */
  out(): string;
  err(): string;
  /** Resolves with everything said, once it holds `text` this many times. */
  hears(text: string, times?: number): Promise<string>;
  /** Types at the terminal. */
  type(keys: string): void;
  /** What a question drew on the terminal. */
  screen(): string;
  /** As Ctrl-C. */
  stop(): void;
  run(commands: readonly Command[], ...argv: readonly string[]): Promise<{ code: number; out: string; err: string }>;
}

export interface TestComputerOptions {
  readonly clock?: Clock;
  readonly environment?: Readonly<Record<string, string>>;
  readonly interactive?: boolean;
  readonly format?: "text" | "json";
}

/** Homes of this test process, removed when it ends. */
const homes: string[] = [];
process.once("exit", () => {
  for (const home of homes) {
    rmSync(home, { recursive: true, force: true });
  }
});

/** Starts with an empty home. */
export function testComputer(options: TestComputerOptions = {}): TestComputer {
  const home = mkdtempSync(path.join(tmpdir(), "sallyport-cli-"));
  homes.push(home);
  const said = { out: "", err: "", screen: "" };
  const stopping = new AbortController();
  const input = new PassThrough();
  const terminal = new PassThrough();
  terminal.on("data", (chunk: Buffer) => (said.screen += chunk.toString()));
  const heard = new Set<() => void>();
  const take = (stream: "out" | "err") => (text: string) => {
    said[stream] += text;
    heard.forEach((check) => check());
  };
  const streams = { out: take("out"), err: take("err"), colours: false };
  const world: World = {
    environment: options.environment ?? {},
    workingDirectory: home,
    homeDirectory: home,
    clock: options.clock ?? systemClock,
    random: randomBytes,
    output: createOutput(options.format ?? "text", streams),
    terminal: { input, output: terminal },
    interactive: options.interactive ?? false,
    signal: stopping.signal,
    version: "0.0.0-test",
  };
  return {
    world,
    home,
    out: () => said.out,
    err: () => said.err,
    hears: (text, times = 1) =>
      new Promise((resolve) => {
        const check = (): void => {
          const all = said.out + said.err;
          if (all.split(text).length > times) {
            heard.delete(check);
            resolve(all);
          }
        };
        heard.add(check);
        check();
      }),
    type: (keys) => void input.write(keys),
    screen: () => said.screen,
    stop: () => stopping.abort(),
    async run(commands, ...argv) {
      said.out = "";
      said.err = "";
      const code = await runCli(argv, commands, world, streams);
      return { code, out: said.out, err: said.err };
    },
    [Symbol.dispose]() {
      input.destroy();
      terminal.destroy();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
