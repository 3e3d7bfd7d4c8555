import { specDigest } from "#kinds/index.ts";
import type { Action, GrantInput } from "./types.ts";

/** Puts the tombstone unless it stands: before access is live and again before anything is released, so that the name cannot come back to life. */
export function tombstoneSteps({ grant, tombstone, now }: GrantInput): Action[] {
  const { metadata, spec } = grant;
  const uid = metadata.uid ?? "";
  if (tombstone?.uid === uid || Date.parse(spec.notAfterTime) <= now) {
    return [];
  }
  const { namespace, name } = metadata;
  return [
    {
      kind: "PutTombstone",
      tombstone: { namespace, name, uid, specDigest: specDigest(grant), notAfterTime: spec.notAfterTime },
    },
  ];
}
