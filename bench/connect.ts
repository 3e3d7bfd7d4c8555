import { setTimeout as sleep } from "node:timers/promises";
import { readFileSync } from "node:fs";
import pg from "pg";
import { grantsOfMany } from "./grants.ts";
import type { BenchOptions } from "./options.ts";
import { type BenchPostgres, sharedPostgres } from "./postgres-server.ts";
import { say } from "./progress.ts";
import { RawSession } from "./raw-session.ts";
import { startSallyport } from "./sallyport.ts";
import { median, ratioOf } from "./statistics.ts";
import { formatNumber } from "./table.ts";
import { openTunnel, type Tunnel } from "./tickets.ts";

/** What opening a session costs, through the gate with a ticket at hand and TLS to the server. */
export interface ConnectResult {
  /** Time from the first byte to ReadyForQuery ÷ that of a client that goes to the server itself, with TLS and SCRAM. */
  readonly vsDirect: number;
  readonly microseconds: number;
  /** Connections within a second that came to nothing, of how many. */
  readonly storm: {
    readonly connections: number;
    readonly failures: number;
    /** From the first connection's start until the last one is ready, ms. */
    readonly readyMs: number;
    /** What the first failure said. */
    readonly why?: string;
  };
}

/** Grants that the storm comes from: a gate serves at most 100 connections of one (proxy/listen/gate.ts). */
const grantCount = 10;
const rounds = { full: 60, quick: 15 } as const;
const stormConnections = 500;
const stormMs = 1_000;

/** Measures it. */
export async function runConnect({ quick }: BenchOptions): Promise<ConnectResult> {
  say("connect: through the gate, TLS to the server");
  const server = await sharedPostgres();
  const { caFile, password, user, database } = server;
  const grants = grantsOfMany(
    { engine: "PostgreSQL", port: server.port, databaseName: database, username: user },
    grantCount,
  );
  const ours = await startSallyport({ grants, caFile, password, controller: "forget" });
  try {
    const tunnels: Tunnel[] = [];
    for (const { grantID } of grants) {
      tunnels.push(await openTunnel(ours.gatePort, grantID));
    }
    const through = (index: number) => ({
      port: ours.gatePort,
      user,
      database,
      ticket: tunnels[index % tunnels.length]?.ticket ?? "",
    });
    const [direct, proxied] = [[] as number[], [] as number[]];
    for (let round = 0; round < rounds[quick ? "quick" : "full"]; round += 1) {
      direct.push(await timed(() => openDirect(server)));
      proxied.push(await timed(async () => (await RawSession.open(through(0))).close()));
    }
    say(`connect: ${stormConnections} connections within a second`);
    const storm = await runStorm(through);
    for (const tunnel of tunnels) {
      tunnel.close();
    }
    return { vsDirect: ratioOf(proxied, direct).median, microseconds: Math.round(median(proxied) * 1_000), storm };
  } finally {
    await ours.stop();
  }
}

async function timed(step: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await step();
  return performance.now() - startMs;
}

async function openDirect({ port, user, password, database, caFile }: BenchPostgres): Promise<void> {
  const ssl = { ca: readFileSync(caFile, "utf8") };
  const client = new pg.Client({ host: "127.0.0.1", port, user, password, database, ssl });
  await client.connect();
  // Not waited for: the server's side of the end is not part of a set-up.
  void client.end();
}

async function runStorm(
  through: (index: number) => Parameters<typeof RawSession.open>[0],
): Promise<ConnectResult["storm"]> {
  const startMs = performance.now();
  const failures: string[] = [];
  const sessions = await Promise.all(
    Array.from({ length: stormConnections }, async (_, index) => {
      await sleep((index * stormMs) / stormConnections);
      try {
        return await RawSession.open(through(index));
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
        return undefined;
      }
    }),
  );
  const readyMs = Math.round(performance.now() - startMs);
  for (const session of sessions) {
    session?.close();
  }
  const [why] = failures;
  return {
    connections: stormConnections,
    failures: failures.length,
    readyMs,
    ...(why === undefined ? {} : { why }),
  };
}

/** What it says of them. */
export function connectText({ vsDirect, microseconds, storm }: ConnectResult): string {
  const failed = storm.failures === 0 ? "none failed" : `${storm.failures} failed, the first with "${storm.why}"`;
  return [
    `A session through the gate, with a ticket at hand and TLS to the server, is ready after ${formatNumber(vsDirect)} × the time that a ` +
      `client needs for the server itself with TLS and SCRAM (here ${formatNumber(microseconds / 1_000)} ms).`,
    `A storm of ${storm.connections} connections within a second, from ${grantCount} grants: ${failed}; the last was ready ` +
      `${formatNumber(storm.readyMs / 1_000)} s after the first began.`,
  ].join("\n\n");
}
