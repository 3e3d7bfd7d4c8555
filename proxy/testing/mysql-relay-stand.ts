import type { Duplex } from "node:stream";
import { redactBytes } from "#audit/redact/redact.ts";
import { manualClock } from "#lib/clock.ts";
import { trackedCapabilities } from "../mysql/protocol.ts";
import type { SessionOptions } from "../mysql/session-state.ts";
import { MySqlTracker } from "../mysql/tracker.ts";
import type { RelayEnd } from "../session/session-protocol.ts";
import { MySqlRelay } from "../session/mysql-relay.ts";
import type { MySqlRelayParts } from "../session/mysql-relay-parts.ts";
import { Recorder } from "../session/recorder.ts";
import { duplexPair } from "./duplex-pair.ts";
import { MemoryJournal } from "./journal.ts";

/** A MySQL relay between two streams in memory. */
export interface MySqlRelayStand {
  readonly client: Duplex;
  readonly server: Duplex;
  readonly journal: MemoryJournal;
  readonly relay: MySqlRelay;
  readonly tracker: MySqlTracker;
  readonly ends: RelayEnd[];
  /** What arrived so far. */
  readonly toServer: () => Buffer;
  readonly toClient: () => Buffer;
}

/** Lets everything that is on its way arrive. */
export async function settle(): Promise<void> {
  for (let turns = 0; turns < 4; turns += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export function startMySqlRelay(
  options: Partial<SessionOptions> = {},
  hooks: Pick<MySqlRelayParts, "onKill" | "judge"> = {},
): MySqlRelayStand {
  const [client, server] = [duplexPair(), duplexPair()];
  const journal = new MemoryJournal();
  const clock = manualClock(0);
  const ends: RelayEnd[] = [];
  const recorder = new Recorder({
    session: "s",
    journal,
    policy: { durability: "Written", onFull: "Deny", parameters: "Record" },
    view: () => ({
      transaction: tracker.session.transaction,
      encoding: undefined,
      user: undefined,
      database: tracker.session.database?.toString("utf8"),
    }),
    redactSQL: (sql) => redactBytes(sql, "mysql"),
    now: () => clock.now(),
    onDefect: (error) => ends.push({ by: "defect", error }),
  });
  const tracker: MySqlTracker = new MySqlTracker(recorder, () => clock.monotonicMs(), {
    capabilities: trackedCapabilities.mysql & ~0x0a00_0000,
    isMariaDB: false,
    charset: "utf8mb4",
    ...options,
  });
  const relay = new MySqlRelay({
    client: client.near,
    server: server.near,
    tracker,
    recorder,
    onClientGone: () => {},
    onEnd: (end) => ends.push(end),
    ...hooks,
  });
  relay.start(Buffer.alloc(0), Buffer.alloc(0));
  const collect = (stream: Duplex): (() => Buffer) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    return () => Buffer.concat(chunks);
  };
  return {
    client: client.far,
    server: server.far,
    journal,
    relay,
    tracker,
    ends,
    toServer: collect(server.far),
    toClient: collect(client.far),
  };
}
