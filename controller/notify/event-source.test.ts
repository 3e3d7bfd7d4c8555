import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, expect, it } from "vitest";
import { StoredTrail } from "#audit/event/stored-trail.ts";
import { memoryCursors } from "#audit/sinks/cursor.ts";
import { StoreWatch } from "#audit/sinks/store-watch.ts";
import { AuditStore } from "#audit/store/store.ts";
import { systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import type { ControllerWorld } from "../world.ts";
import { notifyRunners } from "./runners.ts";
import { type TestServer, testServer } from "./testing.ts";
import { readWebhooks } from "./webhook-options.ts";

let directory: string;
let store: AuditStore;
let trail: StoredTrail;
let watch: StoreWatch;
let server: TestServer;

beforeEach(async () => {
  directory = mkdtempSync(`${tmpdir()}/notify-`);
  writeFileSync(`${directory}/secret`, `whsec_${Buffer.alloc(32, 7).toString("base64")}\n`);
  store = await AuditStore.open({ path: `${directory}/audit.db`, clock: systemClock });
  trail = new StoredTrail({ store, installation: "test", replica: "r1", clock: systemClock, onStored: () => {} });
  watch = new StoreWatch({ newest: () => store.newest(), clock: systemClock, log: silentLog });
  server = await testServer(() => ({ status: 200 }));
});

afterEach(async () => {
  watch.stop();
  await server.close();
  await store.close();
  rmSync(directory, { recursive: true });
});

const record = (event: "grant.requested" | "statements.viewed" | "grant.ended", grantID: string): Promise<void> =>
  trail.record({ event, actor: { kind: "User", name: "ada" }, grantID });

function world(fragment: string): ControllerWorld {
  const webhooks = readWebhooks({
    "webhook-url": `${server.url}/${fragment}`,
    "webhook-secret-file": `${directory}/secret`,
  });
  const options = { installation: "test", publicURL: "https://sallyport.test", webhooks };
  return { options, clock: systemClock, log: silentLog, newID: () => "e" } as unknown as ControllerWorld;
}

it("tells a new receiver of what comes, in order, of the events that it asked for, and after a restart of the rest", async () => {
  const cursors = memoryCursors();
  const run = () => notifyRunners(world("#events=grant.*"), { store, cursors, watch });
  await record("grant.requested", "before");
  const [first] = run();
  first?.start();
  await expect.poll(() => cursors.cursors.size).toBe(1);
  watch.start();
  await record("grant.requested", "g1");
  await record("statements.viewed", "g1");
  await record("grant.ended", "g1");
  await server.gets(2);
  await first?.stop();
  await record("grant.requested", "g2");

  const [second] = run();
  second?.start();
  await server.gets(3);
  await second?.stop();

  const told = server.arrived.map(({ body }) => {
    const { type, data } = JSON.parse(body) as { type: string; data: { grantID: string } };
    return `${type} ${data.grantID}`;
  });
  expect(told).toEqual(["grant.requested g1", "grant.ended g1", "grant.requested g2"]);
});
