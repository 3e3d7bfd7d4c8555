import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { cpus } from "node:os";
import type { Duplex } from "node:stream";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { openTunnel } from "#cli/ssm/tunnel.ts";
import type { Tunnel } from "#cli/ssm/options.ts";
import { systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { Secret } from "#lib/secret.ts";
import type { BenchRequest, BenchTicket, FarEnd } from "./tunnel-far-end.ts";

/** What a run of the bench covers. */
export interface TunnelBenchOptions {
  /** Rounds; each measures every path once, one after the other, so that a noisy moment hits all. Default 5. */
  readonly rounds?: number;
  /** Bytes moved in one measurement of throughput, MiB. Default 32. */
  readonly mebibytes?: number;
  /** Round trips in one measurement of latency. Default 500. */
  readonly roundTrips?: number;
}

/** One line of the result: medians over the rounds. */
export interface TunnelBenchRow {
  /** `upload` and `download` of the client, in MB/s; `round trip` of 100 bytes, in µs. */
  readonly measure: "upload" | "download" | "round trip";
  readonly unit: "MB/s" | "µs";
  /** Largest payload of a message in this direction, bytes; absent for round trips, which fit one message. */
  readonly payloadBytes?: number;
  readonly tunnel: number;
  readonly plainTCP: number;
  /** tunnel ÷ plainTCP. */
  readonly ratio: number;
  /** CPU time of the thread with the client, per MB (throughput) or per round trip, µs: steadier than time on a busy machine. */
  readonly tunnelCPU: number;
}

/** The whole result. */
export interface TunnelBenchResult {
  readonly bench: "tunnel";
  readonly node: string;
  readonly cores: number;
  readonly rounds: number;
  readonly rows: readonly TunnelBenchRow[];
}

/** 1,024 bytes is what real agents send and what this client sends; the larger sizes show what the message size costs. */
const uploadPayloads = [1024, 16 * 1024] as const;
const downloadPayloads = [1024, 32 * 1024] as const;

type Open = () => Promise<Duplex>;

/** Measures the tunnel to the simulated agent over loopback, and plain TCP to the same server, in turns. */
export async function runTunnelBench(options: TunnelBenchOptions = {}): Promise<TunnelBenchResult> {
  const rounds = options.rounds ?? 5;
  const bytes = (options.mebibytes ?? 32) * 1024 * 1024;
  const roundTrips = options.roundTrips ?? 500;
  const worker = new Worker(new URL("./tunnel-far-end.ts", import.meta.url));
  const [farEnd] = (await once(worker, "message")) as [FarEnd];
  const tunnels: Tunnel[] = [];
  const through = async (sent: number, received: number): Promise<Open> => {
    const tunnel = await openBenchTunnel(worker, sent, received);
    tunnels.push(tunnel);
    return () => tunnel.open();
  };
  const plain: Open = async () => {
    const socket = connect(farEnd.serverPort, "127.0.0.1").setNoDelay(true);
    await once(socket, "connect");
    return socket;
  };
  try {
    const plans: Plan[] = [];
    for (const size of uploadPayloads) {
      plans.push(plan("upload", upload(bytes), await through(size, 1024), plain, size));
    }
    for (const size of downloadPayloads) {
      plans.push(plan("download", download(bytes), await through(1024, size), plain, size));
    }
    plans.push(plan("round trip", roundTrip(roundTrips), await through(1024, 1024), plain));
    // Uncounted: compiles the code that is measured.
    await runRound(plans);
    for (const { results, cpu } of plans.flatMap(({ tunnel, plainTCP }) => [tunnel, plainTCP])) {
      results.length = 0;
      cpu.length = 0;
    }
    for (let round = 0; round < rounds; round += 1) {
      await runRound(plans);
    }
    return { bench: "tunnel", node: process.version, cores: cpus().length, rounds, rows: plans.map(rowOf) };
  } finally {
    await Promise.all(tunnels.map((tunnel) => tunnel.close()));
    await worker.terminate();
  }
}

interface Measurement {
  readonly run: Measure;
  readonly amount: number;
}

type Measure = (stream: Duplex) => Promise<number>;

interface Path {
  readonly open: Open;
  readonly results: number[];
  /** CPU time, µs per MB or per round trip. */
  readonly cpu: number[];
}

interface Plan {
  readonly measure: TunnelBenchRow["measure"];
  readonly run: Measure;
  /** MB, or round trips, of one run. */
  readonly amount: number;
  readonly payloadBytes: number | undefined;
  readonly tunnel: Path;
  readonly plainTCP: Path;
}

function plan(
  measure: Plan["measure"],
  measurement: Measurement,
  tunnel: Open,
  plainTCP: Open,
  payloadBytes?: number,
): Plan {
  return {
    measure,
    ...measurement,
    payloadBytes,
    tunnel: { open: tunnel, results: [], cpu: [] },
    plainTCP: { open: plainTCP, results: [], cpu: [] },
  };
}

async function runRound(plans: readonly Plan[]): Promise<void> {
  for (const { run, amount, tunnel, plainTCP } of plans) {
    for (const path of [plainTCP, tunnel]) {
      const stream = await path.open();
      const before = process.threadCpuUsage();
      path.results.push(await run(stream));
      const { user, system } = process.threadCpuUsage(before);
      path.cpu.push((user + system) / amount);
      stream.destroy();
    }
  }
}

/** MB/s until the server has everything and says so. */
function upload(bytes: number): Measurement {
  const chunk = Buffer.alloc(64 * 1024, 0x2a);
  const run: Measure = async (stream) => {
    const startMs = performance.now();
    stream.write(command("D", bytes));
    for (let left = bytes; left > 0; left -= chunk.length) {
      if (!stream.write(left < chunk.length ? chunk.subarray(0, left) : chunk)) {
        await once(stream, "drain");
      }
    }
    await once(stream, "data");
    return bytes / 1e3 / (performance.now() - startMs);
  };
  return { run, amount: bytes / 1e6 };
}

/** MB/s until the client has everything. */
function download(bytes: number): Measurement {
  const run: Measure = async (stream) => {
    const startMs = performance.now();
    let left = bytes;
    const arrived = Promise.withResolvers<void>();
    stream.on("data", (chunk: Buffer) => {
      left -= chunk.length;
      if (left <= 0) {
        arrived.resolve();
      }
    });
    stream.write(command("S", bytes));
    await arrived.promise;
    return bytes / 1e3 / (performance.now() - startMs);
  };
  return { run, amount: bytes / 1e6 };
}

/** Median of single round trips, µs. */
function roundTrip(count: number): Measurement {
  const message = Buffer.alloc(100, 0x2a);
  const run: Measure = async (stream) => {
    const times: number[] = [];
    stream.write(command("E", 0));
    for (let round = 0; round < count; round += 1) {
      const startMs = performance.now();
      stream.write(message);
      await once(stream, "data");
      times.push((performance.now() - startMs) * 1000);
    }
    return median(times);
  };
  return { run, amount: count };
}

function command(name: "D" | "S" | "E", count: number): string {
  return name + String(count).padStart(15, "0");
}

async function openBenchTunnel(worker: Worker, sent: number, received: number): Promise<Tunnel> {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has no origin
  worker.postMessage({ payloadBytes: received } satisfies BenchRequest);
  const [ticket] = (await once(worker, "message")) as [BenchTicket];
  return openTunnel({
    session: { sessionID: ticket.SessionId, token: new Secret(ticket.TokenValue), streamUrl: ticket.StreamUrl },
    resume: async () => "ended",
    terminate: async () => undefined,
    clock: systemClock,
    random: randomBytes,
    log: silentLog,
    limits: { payloadBytes: sent },
  });
}

function rowOf({ measure, payloadBytes, tunnel, plainTCP }: Plan): TunnelBenchRow {
  const [ours, plain] = [median(tunnel.results), median(plainTCP.results)];
  return {
    measure,
    unit: measure === "round trip" ? "µs" : "MB/s",
    ...(payloadBytes === undefined ? {} : { payloadBytes }),
    tunnel: rounded(ours),
    plainTCP: rounded(plain),
    ratio: Number((ours / plain).toPrecision(2)),
    tunnelCPU: Math.round(median(tunnel.cpu)),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}

/** The result as a short table. */
export function formatTunnelBench(result: TunnelBenchResult): string {
  const cells = result.rows.map((row) => [
    row.payloadBytes === undefined ? row.measure : `${row.measure}, ${row.payloadBytes}-byte messages`,
    `${row.tunnel} ${row.unit}`,
    `${row.plainTCP} ${row.unit}`,
    String(row.ratio),
    `${row.tunnelCPU} µs/${row.unit === "MB/s" ? "MB" : "trip"}`,
  ]);
  const table = [["", "tunnel", "plain TCP", "tunnel ÷ TCP", "client's CPU"], ...cells];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return [
    `Tunnel over loopback, medians of ${result.rounds} rounds, ${result.cores} cores, Node ${result.node}`,
    ...lines,
  ].join("\n");
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { output: { type: "string", default: "text" }, rounds: { type: "string" }, mebibytes: { type: "string" } },
  });
  const result = await runTunnelBench({
    ...(values.rounds === undefined ? {} : { rounds: Number(values.rounds) }),
    ...(values.mebibytes === undefined ? {} : { mebibytes: Number(values.mebibytes) }),
  });
  process.stdout.write(`${values.output === "json" ? JSON.stringify(result) : formatTunnelBench(result)}\n`);
}
