import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createPublicKey, randomBytes } from "node:crypto";
import { UserError } from "#lib/errors.ts";
import { readHeadLines } from "./head-place.ts";
import { StoreEngine } from "./store/engine.ts";
import type { RawRecord } from "./store/types.ts";
import { verifyParts } from "./verify-parts.ts";
import type { Report } from "./verify-report.ts";

/** Records read at a time: some megabytes. */
const pageRecords = 200;

/** Where one controller process keeps its audit trail, below its state directory. */
export interface TrailPaths {
  readonly store: string;
  /** Directory of the signed heads. */
  readonly heads: string;
  /**
   * The same for this replica's lines of a head log that others share: apart, so that a trail that was kept here before stays whole, and its
   * lines are not missed in the shared one.
   */
  readonly sharedHeads: string;
  /** The private key that signs them. */
  readonly key: string;
  /** The name under which this replica keeps records of its own. */
  readonly replica: string;
}

/** The places below that state directory. */
export function trailPaths(state: string): TrailPaths {
  return {
    store: path.join(state, "audit", "audit.db"),
    heads: path.join(state, "heads"),
    sharedHeads: path.join(state, "heads-shared"),
    key: path.join(state, "heads-key.pem"),
    replica: path.join(state, "replica-id"),
  };
}

/**
 * The name of the replica whose state directory this is: made once, so that its chain of records goes on after a restart, and unique, so
 * that no other replica writes the same chain.
 */
export function replicaID(file: string): string {
  if (!existsSync(file)) {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    const temporary = `${file}.new`;
    writeFileSync(temporary, `replica-${randomBytes(8).toString("hex")}\n`, { mode: 0o600, flush: true });
    renameSync(temporary, file);
  }
  return readFileSync(file, "utf8").trim();
}

/**
 * Verifies what the replicas of one installation kept, each in its state directory: all of it together is the trail. For directories of
 * stopped controllers, or copies: nothing in them is changed. Throws a `UserError` where one holds no trail.
 */
export async function verifyDirectories(states: readonly string[]): Promise<Report> {
  const stores: StoreEngine[] = [];
  try {
    const parts = [];
    for (const state of states) {
      const paths = trailPaths(state);
      const missing = [paths.store, paths.key].find((file) => !existsSync(file));
      if (missing !== undefined) {
        throw new UserError("NoTrail", `${state} holds no audit trail`, {
          why: `${missing} is not there.`,
          next: "Name the directory that the controller was given as --state, or a copy of it.",
        });
      }
      const store = new StoreEngine({ kind: "sqlite", path: paths.store, mode: "kept" });
      stores.push(store);
      const publicKey = String(createPublicKey(readFileSync(paths.key)).export({ type: "spki", format: "pem" }));
      parts.push({ records: recordsOf(store), heads: readHeadLines(paths.heads), publicKey });
    }
    return await verifyParts(parts);
  } finally {
    for (const store of stores) {
      store.close();
    }
  }
}

async function* recordsOf(store: StoreEngine): AsyncGenerator<RawRecord, void, void> {
  const upTo = store.newest();
  for (let page = store.raw(0, upTo, pageRecords); page.length > 0;) {
    yield* page;
    page = store.raw(page.at(-1)?.storeSeq ?? upTo, upTo, pageRecords);
  }
}
