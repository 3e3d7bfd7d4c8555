import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, expect, it } from "vitest";
import { AuditStore } from "#audit/store/store.ts";
import { openBody, startBody } from "#audit/testing/bodies.ts";
import { testChain } from "#audit/testing/chains.ts";
import { type Grant, getCondition } from "#kinds/index.ts";
import { manualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { aGrant } from "../../reconcile/testing.ts";
import { liveStatus } from "../../reconcile/grant/testing.ts";
import { GrantFlags } from "./grant-flags.ts";

const grantID = "gmztgmztgmztgmztgmztgmztgmy";
let directory: string;
let store: AuditStore;
let grants: Grant[];
let writes: number;

beforeEach(async () => {
  directory = mkdtempSync(`${tmpdir()}/flags-`);
  store = await AuditStore.open({ path: `${directory}/audit.db`, clock: manualClock() });
  grants = [aGrant({ status: liveStatus({ grantID, conditions: [] }) })];
  writes = 0;
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

function flagsOn(change: (grant: Grant) => Promise<void> | void = () => {}): GrantFlags {
  return new GrantFlags({
    store,
    clock: manualClock(),
    log: silentLog,
    source: {
      list: () => grants.map((object) => ({ object, origin: "", problems: [] })) as never,
      get: () => grants.map((object) => ({ object, origin: "", problems: [] }))[0] as never,
      async writeStatus(object, edit) {
        await change(object as unknown as Grant);
        writes += 1;
        grants = grants.map((grant) => ({ ...grant, status: edit((grant.status ?? {}) as never) }) as Grant);
      },
    },
  });
}
const flagged = () => getCondition(grants[0]?.status?.conditions, "Flagged");
const ingest = (records: readonly Uint8Array[]) => store.ingest("default/main", "t1", records);

it("a hazard in the trail marks its Grant with the worst one's name, and says where to look, not what was said", async () => {
  const chain = testChain();
  const flags = flagsOn();

  const { flagged: found } = await ingest(
    chain.write(
      openBody("s-1", { grantID }),
      startBody("s-1", 1),
      startBody("s-1", 2, { sql: "select * from pg_stat_activity", notices: ["hazard:session-read"] }),
      startBody("s-1", 3, { sql: "alter role x", notices: ["hazard:credential-change", "refused"] }),
    ),
  );
  flags.note(found);
  await flags.settled();

  expect(flagged()).toMatchObject({
    status: "True",
    reason: "CredentialChange",
    message:
      "session-read was sent to the database, first in statement 2 of session s-1; " +
      "credential-change was refused, first in statement 3 of session s-1.",
  });
});

it("the same hazard again writes nothing", async () => {
  const chain = testChain();
  const flags = flagsOn();

  for (const bodies of [
    [openBody("s-1", { grantID }), startBody("s-1", 1, { notices: ["hazard:session-read"] })],
    [startBody("s-1", 2, { notices: ["hazard:session-read"] })],
    [startBody("s-1", 3)],
  ]) {
    const { flagged: found } = await ingest(chain.write(...bodies));
    flags.note(found);
    await flags.settled();
  }

  expect(writes).toBe(1);
});

it("what a crash kept from being written is written at the next start, also on a Grant that has ended", async () => {
  const chain = testChain();
  await ingest(chain.write(openBody("s-1", { grantID }), startBody("s-1", 1, { notices: ["hazard:session-end"] })));
  await store.close();
  grants = [
    aGrant({
      status: liveStatus({
        grantID,
        conditions: [],
        end: { reason: "Expired", message: "", time: "2026-01-01T00:00:00Z" },
      }),
    }),
  ];

  store = await AuditStore.open({ path: `${directory}/audit.db`, clock: manualClock() });
  await flagsOn().restore();

  expect(flagged()?.reason).toBe("SessionEnd");
});

it("hazards that the database's own grants decide about mark no Grant", async () => {
  const chain = testChain();

  await ingest(chain.write(openBody("s-1", { grantID }), startBody("s-1", 1, { notices: ["hazard:dynamic-sql"] })));
  await flagsOn().restore();

  expect(flagged()).toBeUndefined();
});

it("a disk that is full keeps no later mark from being written", async () => {
  const chain = testChain();
  let isFull = true;
  const flags = flagsOn(() => {
    if (isFull) {
      throw new Error("no space left on device");
    }
  });
  await ingest(chain.write(openBody("s-1", { grantID }), startBody("s-1", 1, { notices: ["hazard:session-end"] })));

  await flags.restore();
  isFull = false;
  flags.note([grantID]);
  await flags.settled();

  expect(flagged()?.reason).toBe("SessionEnd");
});
