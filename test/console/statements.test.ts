import pg from "pg";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { SessionList } from "#wire/control-api.ts";
import { eventually } from "../harness/process.ts";
import { browserMissing } from "./browser.ts";
import { look } from "./look.ts";
import { allRows } from "./rows.ts";
import { type ConsoleWorld, liveGrant, startConsoleWorld } from "./world.ts";

const missing = browserMissing();
let world: ConsoleWorld;
let url: string;
let grantID: string;

/** What a page says while the network is cut on purpose. */
const cutMessages =
  /net::ERR_(CONNECTION_REFUSED|CONNECTION_RESET|SOCKET_NOT_CONNECTED|EMPTY_RESPONSE|NETWORK_CHANGED|INCOMPLETE_CHUNKED_ENCODING|CONNECTION_CLOSED|ABORTED)/;

describe.skipIf(missing !== undefined)(`live statements${missing === undefined ? "" : ` (${missing})`}`, () => {
  beforeAll(async () => {
    world = await startConsoleWorld();
    ({ url, grantID } = await liveGrant(world, "ada", "app_owner"));
  });
  afterAll(() => world?.stop());
  afterEach(() => world?.leave());

  async function connected(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: url });
    client.on("error", () => {});
    await client.connect();
    return client;
  }

  /** The page of the grant, once its list shows that it follows. */
  async function openGrant(page: Page): Promise<void> {
    await page.goto(`/console/grants/${grantID}`);
    await page.getByText("Live", { exact: true }).waitFor();
  }

  it("appear as they run, and change in place when they end", async () => {
    const client = await connected();
    const { page } = await world.signedIn("margaret");
    await openGrant(page);

    const sleeping = client.query("select 'a nap', pg_sleep(300)").catch((error: Error) => error.message);
    const row = page.getByRole("row", { name: /a nap/ });
    await row.getByText("running").waitFor();
    const place = await row.getAttribute("aria-rowindex");
    await world.installation.postgres.query(
      "select pg_cancel_backend(pid) from pg_stat_activity where query like '%a nap%' and usename = 'app_owner'",
    );

    expect(await sleeping).toMatch(/canceling/);
    await row.getByText("error 57014").waitFor();
    expect(await row.getAttribute("aria-rowindex")).toBe(place);
    await client.end();
  });

  it("show foreign text as text: markup, scripts, characters that hide or turn others round", async () => {
    const client = await connected();
    const { page } = await world.signedIn("margaret");
    let dialogs = 0;
    page.on("dialog", (dialog) => {
      dialogs += 1;
      void dialog.dismiss();
    });
    await openGrant(page);

    const hostile = `select '</script><img src=x onerror=alert(1)><b>bold</b>&amp;' as "<svg/onload=alert(2)>", '\u202egnirts\u0007', 'שלום'`;
    await client.query(hostile);
    await page.getByRole("row", { name: /onerror/ }).click();

    const shown = await page.getByRole("complementary").locator("pre").first().textContent();
    expect(shown).toBe(hostile.replace("\u202e", "U+202E").replace("\u0007", "U+0007"));
    expect(await page.locator("main img, main b, main svg[onload]").count()).toBe(0);
    expect(await page.locator(".hidden-character").count()).toBeGreaterThanOrEqual(2);
    expect(dialogs).toBe(0);
    await look(page, "escaping");
    await client.end();
  });

  it("come by the thousand, each once, in order, while the page answers to its keys", async () => {
    const { page } = await world.signedIn("margaret");
    await openGrant(page);
    const clients = await Promise.all(Array.from({ length: 8 }, () => connected()));
    // As many as the machine runs in a few seconds: thousands on an idle one.
    const mostMs = 6_000;
    await page.evaluate(watchFrames);

    const beganMs = performance.now();
    const load = Promise.all(
      clients.map(async (client, index) => {
        let number = 0;
        for (; number < 50 || performance.now() - beganMs < mostMs; number += 1) {
          await client.query(`select 'load ${index} ${number}'`);
        }
        return number;
      }),
    );
    await page.getByRole("row", { name: /'load/ }).first().waitFor();
    const grid = page.getByRole("grid", { name: "Statements" });
    await grid.focus();
    await page.keyboard.press("Space");
    await page.getByRole("button", { name: /^Follow/ }).waitFor();
    const place = (): Promise<number> => page.locator(".statements-scroll").evaluate(scrolledBy);
    const held = await place();
    await page.getByRole("button", { name: /Follow \(\d+ new\)/ }).waitFor();
    const stillHeld = await place();
    await page.keyboard.press("Space");
    const counts = await load;
    const count = counts.reduce((sum, each) => sum + each, 0);
    const rate = Math.round(count / ((performance.now() - beganMs) / 1_000));
    await eventually("all rows are there and have ended", async () =>
      (await page.getByText("running", { exact: true }).count()) === 0 ? true : undefined,
    );
    await Promise.all(clients.map((client) => client.end()));
    // Each client's last record comes after all of its statements.
    await eventually("the trail has every session's end, and so has the page", async () => {
      const open = (await world.api("margaret").get<SessionList>(`/v1/sessions?grantID=${grantID}`)).items;
      return open.every(({ endTime }) => endTime !== undefined) ? true : undefined;
    });
    await page
      .getByRole("row", { name: /Session closed/ })
      .last()
      .waitFor();

    expect(stillHeld).toBe(held);
    const rows = await allRows(page, "Statements");
    const numbers = clients.map((_, index) =>
      rows.flatMap(({ sql }) => {
        const found = new RegExp(`^select 'load ${index} (\\d+)'$`).exec(sql);
        return found === null ? [] : [Number(found[1])];
      }),
    );
    expect(numbers).toEqual(counts.map((each) => Array.from({ length: each }, (_, number) => number)));
    expect(rows.filter(({ sql, outcome }) => sql.includes("'load") && outcome !== "SELECT 1")).toEqual([]);
    const frames = await page.evaluate("globalThis.sallyportFrames");
    process.stdout.write(`live: ${count} statements at ${rate}/s through the proxy, page ${JSON.stringify(frames)}\n`);
  });

  it("go on after a lost connection without gap and without duplicate", async () => {
    const { page, expect: expected } = await world.signedIn("margaret");
    expected(cutMessages);
    await openGrant(page);
    const client = await connected();
    const numbers: number[] = [];
    const over = new AbortController();
    const load = (async () => {
      for (let number = 0; !over.signal.aborted; number += 1) {
        await client.query(`select 'cut ${number}'`);
        numbers.push(number);
      }
    })().catch((error: Error) => error);

    for (let round = 0; round < 2; round += 1) {
      const reached = numbers.length + 30;
      await eventually("statements run", () => (numbers.length > reached ? true : undefined));
      world.way.cut();
      await page.getByText("Connection lost, trying again").waitFor();
      const unseen = numbers.length + 20;
      await eventually("statements run meanwhile", () => (numbers.length > unseen ? true : undefined));
      world.way.mend();
      await page.getByText("Live", { exact: true }).waitFor();
    }
    over.abort();
    expect(await load).toBeUndefined();
    await page.getByRole("row", { name: new RegExp(`'cut ${numbers.length - 1}'.*SELECT 1`) }).waitFor();

    const rows = await allRows(page, "Statements");
    const seen = rows.flatMap(({ sql }) => /^select 'cut (\d+)'$/.exec(sql)?.[1] ?? []).map(Number);
    expect(seen).toEqual(numbers);
    await client.end();
  });

  it("of a session are replayed as they happened, found by their conditions, and worked with by keys alone", async () => {
    const client = await connected();
    for (const sql of [
      "begin",
      "select 1",
      "update orders set status = 'paid' where id = 7",
      "select broken",
      "rollback",
    ]) {
      await client.query(sql).catch(() => {});
    }
    const { page } = await world.signedIn("margaret");
    const { items } = await world.api("margaret").get<SessionList>(`/v1/sessions?grantID=${grantID}`);
    const session = items.find(({ endTime }) => endTime === undefined)?.session ?? "";
    await page.goto(`/console/sessions/${session}?statement=3`);
    const list = page.getByRole("grid", { name: "Statements of the session" });
    await list.getByRole("row", { name: /rollback/ }).waitFor();
    await page.getByRole("complementary", { name: "Statement 3" }).waitFor();

    await page.getByRole("button", { name: "To the statement before" }).focus();
    await page.keyboard.press("[");
    await page.keyboard.press("[");
    await page.keyboard.press("[");
    expect(await list.getByRole("row", { name: /rollback/ }).count()).toBe(0);
    await page.getByRole("button", { name: "Show all" }).press("Enter");
    await list.getByRole("row", { name: /rollback/ }).waitFor();
    await page.getByLabel("Outcome").selectOption("error");
    await list.getByRole("row", { name: /broken/ }).waitFor();
    expect(await list.getByRole("row").count()).toBe(2);
    expect(new URL(page.url()).searchParams.get("outcome")).toBe("error");
    await list.focus();
    await page.keyboard.press("End");
    await page.getByRole("complementary", { name: "Statement 4" }).getByText("42703").first().waitFor();
    await page.keyboard.press("Escape");
    expect(await page.getByRole("complementary").count()).toBe(0);
    await look(page, "session");
    await client.end();
  });

  it("end with their session when their person kills it, and its client is told the reason", async () => {
    const client = await connected();
    const { page } = await world.signedIn("ada");
    await openGrant(page);
    const sleeping = client.query("select 'a long nap', pg_sleep(300)").catch((error: Error) => error.message);
    await page
      .getByRole("row", { name: /a long nap/ })
      .getByText("running")
      .waitFor();

    await page.getByRole("button", { name: "Kill session" }).first().click();
    const dialog = page.getByRole("dialog");
    const kill = dialog.getByRole("button", { name: "Kill session" });
    expect(await kill.isDisabled()).toBe(true);
    await dialog.getByLabel("Reason").fill("It blocks the nightly run");
    await kill.click();

    await dialog.waitFor({ state: "detached" });
    expect(await sleeping).toContain("ada ended this session: It blocks the nightly run");
    await page
      .getByRole("row", { name: /a long nap/ })
      .getByText("cut")
      .waitFor();
  });

  it("are all there after the controller was killed and its person came in again", async () => {
    const client = await connected();
    const { page, enter, expect: expected } = await world.signedIn("margaret");
    expected(cutMessages);
    // The controller that comes back knows no session of before.
    expected(/status of 401/);
    await openGrant(page);
    await client.query("select 'before the restart'");
    await page.getByRole("row", { name: /before the restart/ }).waitFor();

    world.installation.controller().kill("SIGKILL");
    await world.installation.controller().exited;
    await client.query("select 'while it was away'");
    const controller = await world.installation.startController();
    await controller.line((line) => line.includes('"proxy linked"'));
    await page
      .getByText(/session .* over|sign in/i)
      .first()
      .waitFor();
    await enter();
    await openGrant(page);
    await client.query("select 'after the restart'");

    await page.getByRole("row", { name: /after the restart/ }).waitFor();
    const rows = await allRows(page, "Statements");
    const seen = rows.flatMap(({ sql }) => /^select '(before|while|after)/.exec(sql)?.[1] ?? []);
    expect(seen).toEqual(["before", "while", "after"]);
    await client.end();
  });
});

/** Runs in the page. */
function scrolledBy(element: unknown): number {
  return (element as { readonly scrollTop: number }).scrollTop;
}

/** Runs in the page: how long frames took, for a person to read. */
const watchFrames = `(() => {
  const frames = { count: 0, over50Ms: 0, longestMs: 0 };
  globalThis.sallyportFrames = frames;
  let before = performance.now();
  requestAnimationFrame(function next(now) {
    const took = now - before;
    before = now;
    frames.count += 1;
    frames.over50Ms += took > 50 ? 1 : 0;
    frames.longestMs = Math.max(frames.longestMs, Math.round(took));
    requestAnimationFrame(next);
  });
})()`;
