import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { browserMissing } from "./browser.ts";
import { look } from "./look.ts";
import { type ConsoleWorld, liveGrant, startConsoleWorld } from "./world.ts";

const missing = browserMissing();
let world: ConsoleWorld;
let url: string;
let grantID: string;

describe.skipIf(missing !== undefined)("live statements", () => {
  beforeAll(async () => {
    world = await startConsoleWorld();
    ({ url, grantID } = await liveGrant(world, "ada", "app_owner"));
  });
  afterAll(() => world?.stop());

  it("shows a statement", async () => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query("select id, name from customers where country = $1 and id < $2", ["SE", 50]);
    await client.query("begin");
    await client.query("update orders set status = 'paid' where id = 7");
    await client.query("select nothing").catch(() => {});
    await client.query("rollback");
    await client.query("alter role app_owner password 'x'");
    await client.query("select '</script><img src=x onerror=alert(1)>\u202e hidden \u0007', 'שלום'");
    const { page } = await world.signedIn("margaret");
    await page.goto("/console/audit");
    await page.getByRole("grid").waitFor();
    await look(page, "audit");
    await page.goto(`/console/grants/${grantID}`);
    await page.getByRole("row").nth(3).waitFor();
    void client.query("select pg_sleep(4)").catch(() => {});
    await page.getByText("pg_sleep").waitFor();
    await page.getByRole("row", { name: /update orders/ }).click();
    await look(page, "grant");
    await page.getByRole("row", { name: /country/ }).click();
    await page.getByRole("complementary", { name: "Statement" }).getByRole("link").click();
    await page.getByRole("group", { name: "Replay" }).waitFor();
    await page.getByRole("row").nth(3).waitFor();
    await look(page, "session");
    await page.getByRole("button", { name: "To the statement before" }).click();
    await page.emulateMedia({ colorScheme: "dark" });
    await look(page, "session-dark");
    await page.setViewportSize({ width: 375, height: 700 });
    await look(page, "session-phone");
    await page.goto("/console/audit");
    await page.getByRole("grid").waitFor();
    await look(page, "audit-phone");
    await client.end();
    world.judge();
    expect(1).toBe(1);
  });
});
