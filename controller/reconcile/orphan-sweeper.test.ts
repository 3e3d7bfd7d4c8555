import { expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { grantIDOf } from "#lib/grant-id.ts";
import type { Log } from "#lib/log.ts";
import { silentLog } from "#lib/log.ts";
import type { AwsPorts } from "../aws/ports.ts";
import { orphansRemovedMax } from "./grant/orphans.ts";
import { tagKeys } from "./grant/tags.ts";
import { OrphanHold } from "./orphan-hold.ts";
import { OrphanSweeper, sweepPeriodMs } from "./orphan-sweeper.ts";
import { memorySource, uidOf } from "./testing.ts";

/** Ports of an instance that holds `count` permission sets of this installation, none of them assigned. */
function setUp(count: number) {
  const removed: string[] = [];
  const logged: string[] = [];
  let looks = 0;
  const made = (_: unknown, index: number) => {
    const uid = uidOf(index + 1);
    const tags = {
      [tagKeys.grantUID]: uid,
      [tagKeys.namespace]: "default",
      [tagKeys.name]: `grant-${index}`,
      [tagKeys.account]: "111122223333",
      [tagKeys.principalID]: "p",
    };
    return { arn: `arn:${index}`, name: grantIDOf(uid), tags };
  };
  const sets = Array.from({ length: count }, made);
  const add = (more: number): void => {
    sets.push(...Array.from({ length: more }, (_, index) => made(_, sets.length + index)));
  };
  const center = {
    listTagged: async () => {
      looks += 1;
      return sets.filter((set) => !removed.includes(set.arn));
    },
    listAssignments: async () => [],
    deletePermissionSet: async (arn: string) => void removed.push(arn),
  };
  const instances = async () => [{ instanceARN: "i", identityStoreID: "d", region: "eu-west-1" }];
  const ports = { instances, identityCenter: () => center } as unknown as AwsPorts;
  const log: Log = { ...silentLog, error: (message) => void logged.push(message) };
  const clock = manualClock();
  const hold = new OrphanHold(clock);
  const sweeper = new OrphanSweeper({
    ports,
    source: memorySource(),
    clock,
    log,
    installation: "demo",
    region: "eu-west-1",
    hold,
  });
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { sweeper, hold, add, clock, removed, logged, settled, looks: () => looks };
}

it("removes what belongs to no Grant, and looks again every hour until it is stopped", async () => {
  const { sweeper, clock, removed, settled, looks } = setUp(2);

  sweeper.start();
  await settled();
  expect(removed).toEqual(["arn:0", "arn:1"]);

  clock.advance(sweepPeriodMs);
  await settled();
  expect(looks()).toBe(2);

  sweeper.stop();
  clock.advance(sweepPeriodMs);
  await settled();
  expect(looks()).toBe(2);
});

it("never removes in bulk: more than a crash can leave behind waits for a person", async () => {
  const { sweeper, removed, logged, settled } = setUp(orphansRemovedMax + 1);

  sweeper.start();
  await settled();

  expect(removed).toEqual([]);
  expect(logged).toEqual(["orphans are left alone until a person has looked"]);
  sweeper.stop();
});

it("removes all that a person has confirmed, at once, and nothing that came up since", async () => {
  const { sweeper, hold, removed, settled, add } = setUp(orphansRemovedMax + 1);
  sweeper.start();
  await settled();
  const { keys = [] } = hold.held() ?? {};

  add(orphansRemovedMax + 1);
  hold.confirm();
  await settled();
  await settled();

  expect(keys).toHaveLength(orphansRemovedMax + 1);
  expect(keys[0]).toMatch(/^permission set g[a-z0-9]+, made for Grant default\/grant-\d$/);
  expect(removed).toHaveLength(orphansRemovedMax + 1);
  expect(hold.held()?.keys).toHaveLength(orphansRemovedMax + 1);
  sweeper.stop();
});
