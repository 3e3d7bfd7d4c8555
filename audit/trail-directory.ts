import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createPublicKey, randomBytes } from "node:crypto";
import { UserError } from "#lib/errors.ts";
import { readHeadLines } from "./head-place.ts";
import { StoreEngine } from "./store/engine.ts";
import { checkIndex } from "./store/index-check.ts";
import type { RawRecord } from "./store/types.ts";
import { verifyParts } from "./verify-parts.ts";
import { type Finding, type Report, withFindings } from "./verify-report.ts";

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
  /** How far sinks and notifications are. */
  readonly cursors: string;
}

/** The places below that state directory. */
export function trailPaths(state: string): TrailPaths {
  return {
    store: path.join(state, "audit", "audit.db"),
    heads: path.join(state, "heads"),
    sharedHeads: path.join(state, "heads-shared"),
    key: path.join(state, "heads-key.pem"),
    replica: path.join(state, "replica-id"),
    cursors: path.join(state, "sinks.json"),
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
 * stopped controllers, or copies: nothing in them is changed. `publicKey`, PEM, has the keys that count; absent: each directory's own,
 * which is not there where the key is kept elsewhere (`--head-key`). Throws a `UserError` where one holds no trail, or no key.
 */
export async function verifyDirectories(states: readonly string[], publicKey?: string): Promise<Report> {
  const stores: StoreEngine[] = [];
  try {
    const parts = [];
    for (const state of states) {
      const paths = trailPaths(state);
      assertTrail(state);
      const store = new StoreEngine({ kind: "sqlite", path: paths.store, mode: "kept" });
      stores.push(store);
      parts.push({
        records: recordsOf(store),
        heads: readHeadLines(paths.heads),
        publicKey: publicKey ?? ownPublicKey(state),
      });
    }
    const report = await verifyParts(parts);
    const indexes: Finding[] = [];
    for (const store of stores.filter((one) => one.isNewest)) {
      indexes.push(...(await checkIndex(store, store.newest())));
    }
    return withFindings(report, indexes);
  } finally {
    for (const store of stores) {
      store.close();
    }
  }
}

/** Throws a `UserError` where a state directory holds no store in SQLite. */
export function assertTrail(state: string): void {
  const { store } = trailPaths(state);
  if (!existsSync(store)) {
    throw new UserError("NoTrail", `${state} holds no audit trail`, {
      why: `${store} is not there.`,
      next: "Name the directory that the controller was given as --state, or a copy of it.",
    });
  }
}

/** The public part of the key that a state directory holds, PEM. Throws a `UserError` where it holds none. */
export function ownPublicKey(state: string): string {
  const { key } = trailPaths(state);
  if (!existsSync(key)) {
    throw new UserError("NoHeadKey", `${state} holds no key that signed its trail`, {
      why: `${key} is not there: it was moved away, or the controller was given another with --head-key.`,
      next: "Give the public keys with --public-key FILE: what `sallyport audit public-key` showed, or `openssl pkey -in HEAD-KEY -pubout`.",
    });
  }
  return String(createPublicKey(readFileSync(key)).export({ type: "spki", format: "pem" }));
}

/** All records of a store that nobody writes, as they came. */
export async function* recordsOf(store: StoreEngine): AsyncGenerator<RawRecord, void, void> {
  const upTo = store.newest();
  for (let page = store.raw(0, upTo, pageRecords); page.length > 0;) {
    yield* page;
    page = store.raw(page.at(-1)?.storeSeq ?? upTo, upTo, pageRecords);
  }
}
