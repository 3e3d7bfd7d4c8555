import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { createPublicKey } from "node:crypto";
import type { Clock } from "#lib/clock.ts";
import { UserError } from "#lib/errors.ts";
import { readHeadLines } from "./heads.ts";
import { AuditStore } from "./store/store.ts";
import { verifyParts } from "./verify-parts.ts";
import type { Report } from "./verify-report.ts";

/** Where one controller process keeps its audit trail, below its state directory. */
export interface TrailPaths {
  readonly store: string;
  /** Directory of the signed heads. */
  readonly heads: string;
  /** The private key that signs them. */
  readonly key: string;
}

/** The places below that state directory. */
export function trailPaths(state: string): TrailPaths {
  return {
    store: path.join(state, "audit", "audit.db"),
    heads: path.join(state, "heads"),
    key: path.join(state, "heads-key.pem"),
  };
}

/**
 * Verifies what the replicas of one installation kept, each in its state directory: all of it together is the trail. For directories of
 * stopped controllers, or copies. Throws a `UserError` where one holds no trail.
 */
export async function verifyDirectories(states: readonly string[], clock: Clock): Promise<Report> {
  const stores: AuditStore[] = [];
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
      const store = await AuditStore.open({ path: paths.store, clock });
      stores.push(store);
      const publicKey = String(createPublicKey(readFileSync(paths.key)).export({ type: "spki", format: "pem" }));
      parts.push({ records: store.raw(), heads: readHeadLines(paths.heads), publicKey });
    }
    return await verifyParts(parts);
  } finally {
    for (const store of stores) {
      await store.close();
    }
  }
}
