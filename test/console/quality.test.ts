import axe from "axe-core";
import pg from "pg";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { SessionList } from "#wire/control-api.ts";
import { eventually } from "../harness/process.ts";
import { browserMissing, openProfile } from "./browser.ts";
import { look } from "./look.ts";
import { compareWithGolden, drawingOf } from "./pictures.ts";
import { type ConsoleWorld, liveGrant, startConsoleWorld } from "./world.ts";

const missing = browserMissing();
let world: ConsoleWorld;
/** Every place of the console with what is on it once it is there. */
let places: readonly { readonly path: string; readonly shows: string }[];

describe.skipIf(missing !== undefined)(`every page${missing === undefined ? "" : ` (${missing})`}`, () => {
  beforeAll(async () => {
    world = await startConsoleWorld();
    const { grantID, url } = await liveGrant(world, "ada", "app_owner");
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query("select id, name from customers where country = $1", ["SE"]);
    await client.query("select nothing").catch(() => {});
    await client.end();
    const session = await eventually("the session is over in the trail", async () => {
      const { items } = await world.api("margaret").get<SessionList>(`/v1/sessions?grantID=${grantID}`);
      return items.find(({ endTime }) => endTime !== undefined)?.session;
    });
    places = [
      { path: "/", shows: "main table, main [role=table], main .empty, main .card" },
      { path: "/request/default/orders/read_only", shows: "main form" },
      { path: "/requests", shows: "main h1" },
      { path: "/reviews", shows: "main h1" },
      { path: `/grants/${grantID}`, shows: "main [data-row]" },
      { path: `/sessions/${session}`, shows: "main [data-row]" },
      { path: "/audit", shows: "main [data-row]" },
      { path: "/fleet", shows: "main h1" },
      { path: "/nothing-here", shows: "main .empty" },
    ];
  });
  afterAll(() => world?.stop());
  afterEach(() => world?.leave());

  async function open(page: Page, { path, shows }: (typeof places)[number]): Promise<void> {
    await page.goto(`/console${path}`);
    await page.locator(shows).first().waitFor();
    // What is still on its way shows as bars; their place is taken by what they stand for.
    await page.locator(".loading").first().waitFor({ state: "detached" });
  }

  it.each([
    ["light", "{}"],
    // What has a name in one theme has it in the other.
    ["dark", '{ runOnly: ["color-contrast", "link-in-text-block"] }'],
  ] as const)("has names, roles and contrasts that assistive programs need, in %s", async (colorScheme, rules) => {
    const findings: string[] = [];
    for (const person of ["margaret", "grace"]) {
      const { page } = await world.signedIn(person, { colorScheme });
      for (const place of places.filter(({ path }) => isShown(path, person, colorScheme))) {
        await open(page, place);
        findings.push(...(await accessibilityOf(page, rules)).map((finding) => `${place.path}: ${finding}`));
        await look(page, `${person}${place.path.replaceAll("/", "-").slice(0, 24)}-${colorScheme}`);
      }
      await page.close();
    }

    expect(findings).toEqual([]);
  });

  it("needs no scrolling to the side on a phone", async () => {
    const { page } = await world.signedIn("margaret", { width: 360, height: 740 });
    const wide: string[] = [];
    for (const place of places.filter(({ path }) => path !== "/fleet")) {
      await open(page, place);
      const over = Number(await page.evaluate("document.documentElement.scrollWidth - innerWidth"));
      if (over > 0) {
        wide.push(`${place.path}: ${over} pixels`);
      }
      await look(page, `phone${place.path.replaceAll("/", "-").slice(0, 24)}`);
    }

    expect(wide).toEqual([]);
  });

  it("tells a screen reader the live list as a grid with its head, its size and what is looked at", async () => {
    const { page } = await world.signedIn("margaret");
    await open(page, places.find(({ path }) => path.startsWith("/grants/")) as (typeof places)[number]);
    const grid = page.getByRole("grid", { name: "Statements" });

    await expect
      .poll(() => grid.ariaSnapshot())
      .toMatch(/columnheader "Time"[^]*columnheader "Statement"[^]*columnheader "Outcome"/);
    await expect
      .poll(() => grid.ariaSnapshot())
      .toMatch(/row ".*select id, name from customers where country = \$1.*SELECT \d+"/);
    await grid.focus();
    await page.keyboard.press("Home");
    const looked = await grid.getAttribute("aria-activedescendant");
    expect(await page.locator(`#${looked}`).getAttribute("aria-selected")).toBe("true");
    expect(Number(await grid.getAttribute("aria-rowcount"))).toBeGreaterThan(2);
  });

  it("is reached and worked with by the keyboard alone: from the address to a statement's details and out again", async () => {
    const { page } = await world.signedIn("margaret");
    await open(page, { path: "/audit", shows: "main [data-row]" });

    await tabTo(page, "Text");
    await page.keyboard.type("country");
    await page.keyboard.press("Enter");
    await expect.poll(() => new URL(page.url()).searchParams.get("text")).toBe("country");
    await page.getByText("1 statement", { exact: true }).last().waitFor();
    await tabTo(page, "Found statements");
    await page.keyboard.press("ArrowDown");
    const details = page.getByRole("complementary", { name: /Statement/ });
    await details.waitFor();
    expect(await details.getByRole("listitem").allTextContents()).toEqual(["SE"]);
    await tabTo(page, "Copy the SQL");
    await page.keyboard.press("Shift+Tab");
    await page.goBack();
    await expect.poll(() => new URL(page.url()).searchParams.get("text")).toBe(null);
  });

  it("shows its charts as numbers too, and the drawing only when it is asked for", async () => {
    const { page } = await world.signedIn("margaret");
    const scripts: string[] = [];
    page.on("request", (request) => scripts.push(new URL(request.url()).pathname));
    await page.goto("/console/requests");
    await page.getByRole("heading", { level: 1 }).waitFor();
    const before = scripts.some((name) => name.includes("plot"));
    await page.goto("/console/audit");
    await page.locator(".plot canvas").waitFor();
    await page.getByText("As a table").click();

    expect(before).toBe(false);
    expect(await page.getByRole("img", { name: /Statements and errors from/ }).count()).toBe(1);
    expect(await page.getByRole("row", { name: /^\d{4}-\d\d-\d\d .* 2 1 / }).count()).toBe(1);
    expect(await page.getByRole("region", { name: "Errors" }).textContent()).toContain("42703");
  });

  it("looks as it did: where nothing moves, in both themes", async ({ skip }) => {
    const results: Record<string, unknown> = {};
    for (const colorScheme of ["light", "dark"] as const) {
      const { page } = await world.signedIn("ada", { colorScheme });
      await open(page, { path: "/nothing-here", shows: "main .empty" });
      const drawing = await drawingOf(world.browser, page);
      const compare = (target: Parameters<typeof compareWithGolden>[1], name: string) =>
        compareWithGolden(world.browser, target, drawing, `${name}-${colorScheme}`);
      results[`not-found-${colorScheme}`] = await compare(page, "not-found");
      await page.goto("/console/audit");
      await page.getByRole("search").waitFor();
      results[`search-form-${colorScheme}`] = await compare(page.getByRole("search"), "search-form");
      const stranger = await openProfile(world.browser, world.url, { colorScheme });
      stranger.expect(/status of 401/);
      const door = await stranger.newPage();
      await door.goto("/console/");
      await door.getByRole("heading", { level: 1 }).waitFor();
      results[`sign-in-${colorScheme}`] = await compare(door, "sign-in");
      expect(stranger.findings).toEqual([]);
      await stranger.context.close();
      skip(
        Object.values(results).includes("absent"),
        `there are no pictures of ${drawing}; UPDATE_GOLDENS=1 keeps them`,
      );
    }

    expect(Object.values(results).filter((result) => result !== "same" && result !== "kept")).toEqual([]);
  });
});

/** Colours come from the same few names on every page, so that three of them show all in the dark. */
function isShown(path: string, person: string, colorScheme: string): boolean {
  const isLightOnly = !(path === "/" || path === "/audit" || path.startsWith("/grants/"));
  return (path === "/fleet") === (person === "grace") && (colorScheme === "light" || !isLightOnly);
}

/** Presses Tab until what has the focus has this name. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 80; presses += 1) {
    await page.keyboard.press("Tab");
    const found = await page.evaluate(
      `(() => { const at = document.activeElement; return at?.getAttribute("aria-label") ?? at?.labels?.[0]?.textContent ?? ""; })()`,
    );
    if (found === name) {
      return;
    }
  }
  throw new Error(`the keyboard does not reach "${name}"`);
}

interface AxeResult {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** What axe finds, by the rules of WCAG 2.2 A and AA and its own advice. Read from outside the page: its policy lets no foreign script in. */
async function accessibilityOf(page: Page, rules: string): Promise<string[]> {
  await page.evaluate(axe.source);
  const run = `axe.run(document, { resultTypes: ["violations"], ...${rules} }).then(({ violations }) => JSON.stringify(violations))`;
  const violations = JSON.parse(String(await page.evaluate(run))) as AxeResult[];
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id}: ${help}: ${node.html.slice(0, 160)} ${node.failureSummary?.split("\n")[1] ?? ""}`),
  );
}
