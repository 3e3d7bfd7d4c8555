import { manualClock, type ManualClock } from "#lib/clock.ts";
import { ChainLinker } from "../chain.ts";
import type { RecordBody } from "../record.ts";
import { endBody, openBody, startBody } from "./bodies.ts";

/** Records of one task, linked as a proxy links them. */
export interface TestChain {
  readonly records: Buffer[];
  readonly clock: ManualClock;
  /** Links bodies, one second apart, and returns their bytes, which are also added to `records`. */
  write(...bodies: RecordBody[]): Buffer[];
}

/** Starts the chain of a task. */
export function testChain(proxy = "default/main", task = "t1"): TestChain {
  const writer = new ChainLinker(proxy, task);
  const clock = manualClock();
  const records: Buffer[] = [];
  return {
    records,
    clock,
    write(...bodies) {
      const written = bodies.map((body) => {
        clock.advance(1_000);
        return writer.link(body, clock.now(), writer.seq + 1);
      });
      records.push(...written);
      return written;
    },
  };
}

/** A whole session with `count` statements. */
export function wholeSession(session: string, count: number): RecordBody[] {
  const statements = Array.from({ length: count }, (_, index) => [
    startBody(session, index + 1),
    endBody(session, index + 1),
  ]);
  return [
    openBody(session),
    ...statements.flat(),
    { kind: "session.close", session, reason: "client-closed", backend: "gone" },
  ];
}
