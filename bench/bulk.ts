import { once } from "node:events";
import { startHelper } from "./child.ts";
import { answerOf, copyDone, type Flood, floodBlocks, floods } from "./flood.ts";
import type { FloodTalk } from "./flood-process.ts";
import { grantsFor } from "./grants.ts";
import { startHAProxy } from "./haproxy.ts";
import type { BenchOptions } from "./options.ts";
import { startPgBouncer } from "./pgbouncer.ts";
import { cpuSecondsOf, memoryOf, resetPeak } from "./process-stat.ts";
import { say } from "./progress.ts";
import { encodeQuery, RawSession } from "./raw-session.ts";
import { startSallyport } from "./sallyport.ts";

/** What was seen of a system moving one kind of data, one value a round. */
export interface BulkSeen {
  /** MB/s. */
  readonly rate: number[];
  /** CPU of the proxy's process, µs for a MB. */
  readonly cpu: number[];
  /** Resident memory of the proxy's process at its peak, above what it was before, bytes. */
  readonly growth: number[];
}

/** By kind of data and name of the system. */
export type BulkResult = ReadonlyMap<Flood, ReadonlyMap<string, BulkSeen>>;

/** Bytes of one run. */
const fullBytes = 1e9;
const quickBytes = 1e8;
/** On a busy machine a quick run begins no further round after so long, from the start of the process; one is run in any case. */
const quickEndMs = 36_000;
const rounds = { full: 5, quick: 3 } as const;

interface BulkSystem {
  readonly name: string;
  readonly session: RawSession;
  readonly pid: number | undefined;
}

/** Names that the flood server takes for anybody's. */
export const floodLogin = { user: "read_only", database: "orders" } as const;

/** Moves bulk data from and to the flood server through everything, in turns, over connections that stay open. */
export async function runBulk(options: BenchOptions): Promise<BulkResult> {
  const { quick, profile } = options;
  const flood = await startHelper<FloodTalk>("flood-process.ts", {});
  const { port } = flood.ready;
  const haproxy = await startHAProxy(port);
  const bouncer = await startPgBouncer({ ...floodLogin, port, password: "none" });
  const grants = grantsFor({
    engine: "PostgreSQL",
    port,
    databaseName: floodLogin.database,
    username: floodLogin.user,
  });
  const ours = await startSallyport({ grants, password: "none", controller: "forget", plain: true, profile });
  const open = async (name: string, at: number, pid?: number): Promise<BulkSystem> => ({
    name,
    pid,
    session: await RawSession.open({ ...floodLogin, port: at }),
  });
  try {
    const systems = [
      await open("direct", port),
      await open("haproxy", haproxy.port, haproxy.pid),
      await open("pgbouncer", bouncer.port, bouncer.pid),
      await open("written", ours.ports.written, ours.pid),
    ];
    const result = new Map<Flood, Map<string, BulkSeen>>();
    for (const kind of floods) {
      say(`bulk: ${kind}`);
      const blocks = Math.ceil((quick ? quickBytes : fullBytes) / floodBlocks[kind].length);
      result.set(
        kind,
        await takeTurns(kind, systems, blocks, {
          count: options.rounds ?? rounds[quick ? "quick" : "full"],
          endMs: quick ? quickEndMs : Infinity,
        }),
      );
    }
    for (const { session } of systems) {
      session.close();
    }
    return result;
  } finally {
    for (const started of [ours, bouncer, haproxy, flood]) {
      await started.stop();
    }
  }
}

async function takeTurns(
  kind: Flood,
  systems: readonly BulkSystem[],
  blocks: number,
  rounds: { readonly count: number; readonly endMs: number },
): Promise<Map<string, BulkSeen>> {
  const seen = new Map(systems.map(({ name }) => [name, { rate: [], cpu: [], growth: [] } as BulkSeen]));
  const megabytes = (blocks * floodBlocks[kind].length) / 1e6;
  for (const system of systems) {
    // Uncounted: compiles what is measured, and lets buffers grow.
    await move(kind, system.session, Math.ceil(blocks / 10));
  }
  for (let round = 0; round < rounds.count && (round === 0 || performance.now() < rounds.endMs); round += 1) {
    const first = round % systems.length;
    for (const { name, session, pid } of [...systems.slice(first), ...systems.slice(0, first)]) {
      const before = pid === undefined ? undefined : { cpu: cpuSecondsOf(pid), bytes: resetPeak(pid) };
      const startMs = performance.now();
      await move(kind, session, blocks);
      const entry = seen.get(name);
      entry?.rate.push((megabytes * 1_000) / (performance.now() - startMs));
      if (pid !== undefined && before !== undefined) {
        entry?.cpu.push(((cpuSecondsOf(pid) - before.cpu) * 1e6) / megabytes);
        entry?.growth.push(memoryOf(pid).peakBytes - before.bytes);
      }
    }
  }
  return seen;
}

async function move(kind: Flood, session: RawSession, blocks: number): Promise<void> {
  const { before, after } = answerOf(kind, blocks);
  if (kind !== "copyIn") {
    await session.query(`${kind} ${blocks}`, before.length + blocks * floodBlocks[kind].length + after.length);
    return;
  }
  const { socket } = session;
  await session.query(`${kind} ${blocks}`, before.length);
  const answered = session.arrival(after.length);
  for (let sent = 0; sent < blocks; sent += 1) {
    if (!socket.write(floodBlocks.copyIn)) {
      await once(socket, "drain");
    }
  }
  socket.write(copyDone);
  await answered;
}

/** Asks for that much and reads none of it. */
export function stall(session: RawSession, bytes: number): void {
  session.socket.pause();
  session.socket.write(encodeQuery(`rows ${Math.ceil(bytes / floodBlocks.rows.length)}`));
}
