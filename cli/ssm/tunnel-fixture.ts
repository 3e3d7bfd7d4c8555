import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { systemClock, type Clock } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";
import { Secret } from "#lib/secret.ts";
import type { Ticket } from "./channel.ts";
import { FakeAgent, type FakeAgentBehaviour } from "./fake-agent.ts";
import type { TunnelLimits } from "./limits.ts";
import type { Tunnel, TunnelOptions } from "./options.ts";
import { openTunnel } from "./tunnel.ts";

/** For the tests of this folder: a fake agent, the options of a tunnel to it, and what was called and logged. */
export interface Fixture extends AsyncDisposable {
  readonly agent: FakeAgent;
  readonly streamUrl: string;
  /** Calls of resume and terminate, in order. */
  readonly calls: string[];
  /** Everything logged, as JSON. */
  readonly logged: string[];
  options(changes?: Partial<TunnelOptions>): TunnelOptions;
  /** Opens a tunnel that is closed with the fixture. */
  open(changes?: Partial<TunnelOptions>): Promise<Tunnel>;
}

/** What a fixture starts with. */
export interface FixtureStart {
  readonly agent?: Partial<FakeAgentBehaviour>;
  readonly clock?: Clock;
  readonly limits?: Partial<TunnelLimits>;
}

/** Starts a fake agent. Tokens are `secret-token-0` for the first websocket, then 1, 2, … from resume. */
export async function startFixture(start: FixtureStart = {}): Promise<Fixture> {
  const agent = new FakeAgent(start.agent ?? {});
  const streamUrl = await agent.listen();
  const calls: string[] = [];
  const logged: string[] = [];
  const tunnels: Tunnel[] = [];
  const resume = async (): Promise<Ticket> => {
    calls.push("resume");
    const count = calls.filter((call) => call === "resume").length;
    return { token: new Secret(`secret-token-${count}`), streamUrl };
  };
  const options = (changes: Partial<TunnelOptions> = {}): TunnelOptions => ({
    session: { sessionID: "ada-0123", token: new Secret("secret-token-0"), streamUrl },
    resume,
    terminate: async () => void calls.push("terminate"),
    clock: start.clock ?? systemClock,
    random: randomBytes,
    log: recordingLog(logged),
    limits: { terminateWaitMs: 500, ...start.limits },
    ...changes,
  });
  const open = async (changes?: Partial<TunnelOptions>): Promise<Tunnel> => {
    const tunnel = await openTunnel(options(changes));
    tunnels.push(tunnel);
    return tunnel;
  };
  return {
    agent,
    streamUrl,
    calls,
    logged,
    options,
    open,
    async [Symbol.asyncDispose]() {
      await agent.close();
      await Promise.all(tunnels.map((tunnel) => tunnel.close()));
    },
  };
}

/** Reads a stream to its end. Rejects when it fails. */
export async function readAll(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) {
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

/** Reads until `count` bytes are there. */
export async function readBytes(stream: Duplex, count: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  return new Promise((resolve, reject) => {
    stream.once("error", reject);
    stream.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= count) {
        stream.off("error", reject);
        resolve(Buffer.concat(chunks));
      }
    });
  });
}

/** Lets the event loop turn until `ready` holds. */
export async function eventually(ready: () => boolean): Promise<void> {
  while (!ready()) {
    await turns(1);
  }
}

/** Lets the event loop turn `count` times: what was on its way has arrived by then. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Bytes that follow from `seed` alone, and their like in tests of bad luck: a 32-bit linear congruential generator. */
export function seeded(seed: number): { next(): number; bytes(count: number): Buffer } {
  let state = seed >>> 0;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return {
    next,
    bytes: (count) => Buffer.from(Uint8Array.from({ length: count }, () => Math.floor(next() * 256))),
  };
}

function recordingLog(lines: string[]): Log {
  const record =
    (level: string) =>
    (message: string, fields: object = {}): void =>
      void lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  const log: Log = {
    debug: record("debug"),
    info: record("info"),
    warn: record("warn"),
    error: record("error"),
    with: () => log,
  };
  return log;
}
