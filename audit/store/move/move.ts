import { existsSync, mkdirSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { UserError } from "#lib/errors.ts";
import { keyIDOf, parseHead } from "../../head-line.ts";
import { FileCursors } from "../../sinks/file-cursors.ts";
import { PostgresCursors } from "../../sinks/postgres-cursors.ts";
import { type DirectoryLock, lockDirectory } from "../../spool/lock.ts";
import { assertTrail, ownPublicKey, trailPaths } from "../../trail-directory.ts";
import { publicKeysIn } from "../../verify-heads.ts";
import type { Report } from "../../verify-report.ts";
import type { StoreAddress } from "../postgres/address.ts";
import { keepOwnHeads } from "./own-heads.ts";
import { MoveDiffers, proveCopy, verifySource } from "./proof.ts";
import { MoveSource } from "./source.ts";
import { MoveStaging } from "./staging.ts";
import { type MovedTable, otherTables, recordsTable } from "./tables.ts";

/** Rows that are moved in one transaction: some megabytes, and some hundredths of a second. */
export const rowsAtOnce = 500;

/** What is moved, and where to. */
export interface MoveOptions {
  /** The controller's state directory; no controller runs on it. */
  readonly state: string;
  readonly address: StoreAddress;
  /** PEM; absent: that of the directory's own key. */
  readonly publicKey?: string | undefined;
  /** Hears of a table after each part of it, with how many rows of it were moved by this run. */
  readonly onMoved?: (table: string, rows: number) => void;
}

/** What was moved. */
export interface MoveReport {
  /** Of the trail before, and of the copy: both are the same. */
  readonly report: Report;
  readonly heads: number;
  /** Sinks and notifications that go on where they are. */
  readonly cursors: readonly string[];
  /** `resumed`: an earlier run had begun. `there`: an earlier run had ended, and this one only looked. */
  readonly run: "whole" | "resumed" | "there";
  /** Whether the last head was signed with the directory's own key. */
  readonly isOwnKey: boolean;
}

/**
 * Moves a trail from SQLite to an empty place in Postgres: records with their positions, what searches read, the head log, and how far sinks
 * are. The directory keeps all that it has; a copy of the head log is added to it, as every replica has one of its lines. What was cut
 * off, by whatever, goes on when it is run again. Throws a `UserError` where somebody uses the trail, where another trail is in the
 * place, and where the copy is not what it was made of: then nothing has the store's name.
 */
export async function moveTrail(options: MoveOptions): Promise<MoveReport> {
  const { state, address } = options;
  assertTrail(state);
  const publicKey = options.publicKey ?? ownPublicKey(state);
  const locks = lockTrail(state);
  let source: MoveSource | undefined;
  let staging: MoveStaging | undefined;
  const cursors = new PostgresCursors(address);
  try {
    source = await MoveSource.open(state);
    const before = await verifySource(source, publicKey);
    staging = await MoveStaging.connect(address);
    const heads = source.heads;
    const whole = { report: before, heads: heads.length, isOwnKey: isOwnKey(state, heads) };
    if ((await staging.found()) === "a trail") {
      await assertSameTrail(source, staging, address);
      return { ...whole, cursors: [], run: "there" };
    }
    const resumed = await staging.begin(source.fingerprint);
    for (const table of [recordsTable, ...otherTables]) {
      await moveTable(table, source, staging, options.onMoved);
    }
    await staging.setHeads(heads);
    await prove(source, staging, publicKey, before);
    keepOwnHeads(state, heads);
    const moved = await moveCursors(state, cursors);
    // The last step: until here, no controller sees anything.
    await staging.finish(source.newest);
    return { ...whole, cursors: moved, run: resumed ? "resumed" : "whole" };
  } finally {
    await cursors.close();
    await staging?.close();
    source?.close();
    for (const lock of locks) {
      lock.release();
    }
  }
}

/** A controller that runs holds one of both, whatever store it was given. */
function lockTrail(state: string): DirectoryLock[] {
  const { heads, sharedHeads } = trailPaths(state);
  mkdirSync(sharedHeads, { recursive: true, mode: 0o700 });
  const locks = existsSync(heads) ? [lockDirectory(heads)] : [];
  try {
    return [...locks, lockDirectory(sharedHeads)];
  } catch (error) {
    for (const lock of locks) {
      lock.release();
    }
    throw error;
  }
}

async function moveTable(
  table: MovedTable,
  source: MoveSource,
  staging: MoveStaging,
  onMoved: MoveOptions["onMoved"],
): Promise<void> {
  let moved = 0;
  for (let after = await staging.lastKey(table); ;) {
    const rows = source.rows(table, after, rowsAtOnce);
    const last = rows.at(-1);
    if (last === undefined) {
      return;
    }
    await staging.add(table, rows);
    after = table.key.map((column) => Number(last[column]));
    moved += rows.length;
    onMoved?.(table.name, moved);
  }
}

async function prove(source: MoveSource, staging: MoveStaging, publicKey: string, before: Report): Promise<void> {
  try {
    const after = await proveCopy(source, staging, publicKey);
    if (!isDeepStrictEqual(after, before)) {
      throw notTheSame("It does not verify as the trail does that it was made of.");
    }
  } catch (error) {
    throw error instanceof MoveDiffers ? notTheSame(`The first row that differs: ${error.message}.`) : error;
  }
}

function notTheSame(why: string): UserError {
  return new UserError("MoveNotProven", "the copy of the trail is not what it was made of", {
    why,
    next: "Nothing uses the copy. Drop the schema sallyport_audit_moving, and run this again.",
  });
}

async function assertSameTrail(source: MoveSource, staging: MoveStaging, { database }: StoreAddress): Promise<void> {
  const [last] = source.rows(recordsTable, [source.newest - 1], 1);
  if (!(await staging.holds(last, source.heads))) {
    throw new UserError("AuditStoreNotEmpty", `the database ${database} holds another audit trail`, {
      why: "Two trails cannot become one: each has positions and a head log of its own.",
      next: "Give an empty database. Where nothing of that trail is needed, drop its schema sallyport_audit.",
    });
  }
}

async function moveCursors(state: string, to: PostgresCursors): Promise<string[]> {
  const from = await FileCursors.open(trailPaths(state).cursors);
  const sinks = from.sinks();
  for (const sink of sinks) {
    const cursor = await from.read(sink);
    await (cursor === undefined ? undefined : to.write(sink, cursor));
  }
  return sinks;
}

function isOwnKey(state: string, heads: readonly string[]): boolean {
  const key = parseHead(heads.at(-1) ?? "")?.key;
  const paths = trailPaths(state);
  return existsSync(paths.key) && publicKeysIn(ownPublicKey(state)).some((own) => keyIDOf(own) === key);
}
