import { expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { grantIDOf } from "#lib/grant-id.ts";
import type { Log } from "#lib/log.ts";
import { silentLog } from "#lib/log.ts";
import type { Grant } from "#kinds/index.ts";
import type { AwsPorts } from "../../aws/ports.ts";
import { claimMs, OrphanSweeper } from "../orphan-sweeper.ts";
import { aGrant, memorySource, place, uidOf } from "../testing.ts";
import { decideGrant, lookupsFor } from "./decide.ts";
import { tagKeys } from "./tags.ts";
import { anInput, seen } from "./testing.ts";

const uid = uidOf(1);
const tombstone = {
  namespace: "default",
  name: "ada-orders",
  uid,
  specDigest: "sha256:0",
  notAfterTime: "2026-01-02T00:00:00.000Z",
};
const window = { activationTime: "2026-01-01T00:00:00Z", expiryTime: "2026-01-01T01:00:00Z" };
const end = { time: "2026-01-01T00:30:00Z", reason: "Revoked" };

it("never gives a Grant anew that was given before and has lost its status, and needs no call to know", () => {
  const input = { ...anInput({ grant: aGrant({ status: seen }) }), tombstone };

  const decision = decideGrant(input);

  expect(decision.next).toMatchObject({ kind: "refused", reason: "PreviouslyEnded" });
  expect(decision.actions).toEqual([]);
  expect(lookupsFor(input, "no")).toEqual({ person: "no", aws: "no" });
});

/** AWS holds `ours`, the set of a Grant whose status is empty. */
async function sweep(tags: Readonly<Record<string, string>>, options: { readonly tombstone: boolean }) {
  const removed: string[] = [];
  const logged: string[] = [];
  const set = {
    arn: "ours",
    name: grantIDOf(uid),
    tags: {
      [tagKeys.grantUID]: uid,
      [tagKeys.namespace]: "default",
      [tagKeys.name]: "ada-orders",
      [tagKeys.account]: place.accountID,
      [tagKeys.principalID]: "p",
      ...tags,
    },
  };
  const center = {
    listTagged: async () => [set],
    listAssignments: async () => [],
    deletePermissionSet: async (arn: string) => void removed.push(arn),
  };
  const { instanceARN, identityStoreID, region } = place;
  const instances = async () => [{ instanceARN, identityStoreID, region }];
  const ports = { instances, identityCenter: () => center } as unknown as AwsPorts;
  const clock = manualClock();
  const source = memorySource([aGrant()], () => clock.now());
  if (options.tombstone) {
    await source.putTombstone(tombstone);
  }
  const log: Log = { ...silentLog, warn: (message) => void logged.push(message) };
  const sweeper = new OrphanSweeper({ ports, source, clock, log, installation: "demo", region });
  sweeper.start();
  await new Promise((resolve) => setImmediate(resolve));
  const removedAtOnce = [...removed];
  clock.advance(claimMs);
  await new Promise((resolve) => setImmediate(resolve));
  sweeper.stop();
  const status: Grant["status"] = source.get("Grant", "default", "ada-orders")?.object.status;
  return { removed, removedAtOnce, status, logged };
}

it("gives a Grant its window back, and its end, from the tags of its set", async () => {
  const tags = { [tagKeys.activation]: window.activationTime, [tagKeys.expiry]: window.expiryTime };

  const live = await sweep(tags, { tombstone: true });
  expect(live.removed).toEqual([]);
  expect(live.status).toMatchObject({ ...window, grantID: grantIDOf(uid), external: { permissionSetARN: "ours" } });

  const ended = { ...tags, [tagKeys.ended]: end.time, [tagKeys.endReason]: end.reason };
  expect((await sweep(ended, { tombstone: true })).status).toMatchObject({ end, endTime: end.time });
});

it("takes away what AWS has for a Grant that says it was never approved and is not approved soon: nobody else would end it", async () => {
  const { removed, removedAtOnce, status } = await sweep({}, { tombstone: false });

  // It may be approved again within seconds, and then the window in the tags is its own.
  expect(removedAtOnce).toEqual([]);
  expect(removed).toEqual(["ours"]);
  expect(status?.external).toBeUndefined();
});
