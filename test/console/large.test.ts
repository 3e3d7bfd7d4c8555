import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { RecordBody } from "#audit/record.ts";
import { AuditStore } from "#audit/store/store.ts";
import { endBody, openBody, startBody } from "#audit/testing/bodies.ts";
import { testChain } from "#audit/testing/chains.ts";
import { trailPaths } from "#audit/trail-directory.ts";
import { systemClock } from "#lib/clock.ts";
import { browserMissing } from "./browser.ts";
import { look } from "./look.ts";
import { type ConsoleWorld, startConsoleWorld } from "./world.ts";

const missing = browserMissing();
/** Below the 120,000 rows that a view holds, and above what a page could hold as elements. */
const statements = 100_000;
const session = "5e551011-0000-4000-8000-000000000001";
let world: ConsoleWorld;

describe.skipIf(missing !== undefined)(`a session of ${statements} statements`, () => {
  beforeAll(async () => {
    world = await startConsoleWorld();
    world.installation.controller().kill("SIGTERM");
    await world.installation.controller().exited;
    await fillStore(world.installation.stateDirectory);
    await world.installation.startController();
  }, 240_000);
  afterAll(() => world?.stop());
  afterEach(() => world?.leave());

  it("is shown whole, one screen of it at a time, and every place of it is a key away", async () => {
    const { page } = await world.signedIn("margaret");
    const beganMs = performance.now();
    await page.goto(`/console/sessions/${session}`);
    await page.getByText("100,002 rows", { exact: true }).waitFor({ timeout: 120_000 });
    const perSecond = Math.round((statements * 1_000) / (performance.now() - beganMs));
    const grid = page.getByRole("grid", { name: "Statements of the session" });

    expect(await grid.getAttribute("aria-rowcount")).toBe(String(statements + 3));
    await grid.focus();
    await page.keyboard.press("End");
    await page.keyboard.press("ArrowUp");
    await page.getByRole("complementary", { name: `Statement ${statements}` }).waitFor();
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowDown");
    await page.getByRole("complementary", { name: "Statement 1", exact: true }).waitFor();
    await page.getByLabel("Text").fill(`select ${statements / 2}`);
    await page.getByRole("row", { name: new RegExp(`select ${statements / 2}`) }).waitFor();
    expect(await grid.getByRole("row").count()).toBeLessThan(100);
    await look(page, "large");
    process.stdout.write(`large: ${perSecond} statements/s into the page\n`);
  }, 180_000);
});

/** Records a session as a proxy does, through the store's own door, while no controller has it open. */
async function fillStore(stateDirectory: string): Promise<void> {
  const store = await AuditStore.open({ path: trailPaths(stateDirectory).store, clock: systemClock });
  const chain = testChain("default/main", "large");
  const ingest = (bodies: readonly RecordBody[]) => store.ingest("default/main", "large", chain.write(...bodies));
  await ingest([openBody(session, { database: "default/orders", roleName: "app_owner" })]);
  const batch = 2_000;
  for (let first = 1; first <= statements; first += batch) {
    const numbers = Array.from({ length: batch }, (_, index) => first + index);
    await ingest(numbers.flatMap((number) => [startBody(session, number), endBody(session, number)]));
  }
  await ingest([{ kind: "session.close", session, reason: "client-closed", backend: "gone" }]);
  await store.close();
}
