import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Page } from "playwright-core";
import { UserError } from "#lib/errors.ts";
import { browserMissing } from "#test/console/browser.ts";
import { liveGrant, startConsoleWorld } from "#test/console/world.ts";
import { eventually, type SallyportProcess } from "#test/harness/process.ts";
import { removeAtExit, start } from "./child.ts";
import { cpuByRole, type LiveRole, liveRoles } from "./live-cpu.ts";
import { findProgram } from "./programs.ts";
import { say } from "./progress.ts";
import { quantile } from "./statistics.ts";

/** A stretch of load with a page that follows it. */
export interface LiveResult {
  /** Statements a second that were offered; absent: as many as the chain takes. */
  readonly offered?: number;
  readonly statements: number;
  readonly perSecond: number;
  /** Age of the newest row in the page, looked at ten times a second, milliseconds. */
  readonly ageMs: { readonly p50: number; readonly p95: number };
  readonly frames: { readonly count: number; readonly over50Ms: number; readonly longestMs: number };
  /** CPU seconds for each second. */
  readonly cpu: Readonly<Record<LiveRole, number>>;
}

/** Connections of the load: enough that a statement that waits for a disk or for the tunnel holds up only its own. */
export const liveConnections = 8;
/** What a person may have to follow, as the goal has it. */
const offeredPerSecond = 1_000;
const stretchSeconds = { full: 10, quick: 4 } as const;
/** CPU is looked at this long before the load ends. */
const beforeEndMs = 300;
/** pgbench opens one connection before those of its clients. A session shows as a row where it opens and one where it ends. */
const marks = 2 * (liveConnections + 1);

/**
 * Follows a grant in a real Chromium while statements run through `rds proxy`, the SSM tunnel and the proxy. Throws where the page does not
 * have each of them exactly once.
 */
export async function runLive(size: keyof typeof stretchSeconds): Promise<LiveResult[]> {
  const missing = browserMissing();
  if (missing !== undefined) {
    throw new UserError("ProgramMissing", "The bench needs Chromium.", { why: missing });
  }
  say("live: an installation and a browser");
  const world = await startConsoleWorld();
  let proxy: SallyportProcess | undefined;
  try {
    const live = await liveGrant(world, "ada", "app_owner");
    const { url, grantID } = live;
    proxy = live.proxy;
    // One page for all: what it begins with is nothing, and each stretch adds to what was there.
    const { page } = await world.signedIn("margaret");
    await page.goto(`/console/grants/${grantID}`);
    await page.getByText("Live", { exact: true }).waitFor();
    await page.evaluate(watchPage);
    const results: LiveResult[] = [];
    for (const offered of [offeredPerSecond, undefined]) {
      say(`live: ${offered === undefined ? "as fast as it goes" : `${offered} statements a second`}`);
      const seconds = stretchSeconds[size];
      results.push(await stretch(page, url, { ...(offered === undefined ? {} : { offered }), seconds }));
    }
    return results;
  } finally {
    // The installation does not know it.
    proxy?.kill();
    await proxy?.exited;
    await world.stop();
  }
}

async function stretch(
  page: Page,
  url: string,
  { offered, seconds }: { readonly offered?: number; readonly seconds: number },
): Promise<LiveResult> {
  const rowsBefore = await rowCount(page);
  await page.evaluate(forgetSeen);
  const before = { cpu: cpuByRole(), atMs: performance.now() };
  const running = load(url, { ...(offered === undefined ? {} : { offered }), seconds });
  // While all of it runs: what has ended cannot be asked.
  await sleep(seconds * 1_000 - beforeEndMs);
  const after = { cpu: cpuByRole(), atMs: performance.now() };
  const { statements, perSecond } = await running;
  const { ages, ...frames } = (await page.evaluate("globalThis.sallyportSeen")) as Seen;
  const wanted = rowsBefore + statements + marks;
  await eventually("all rows are in the page", async () => ((await rowCount(page)) >= wanted ? true : undefined));
  const rows = await rowCount(page);
  if (rows !== wanted) {
    throw new Error(`${rows} rows where ${wanted} were to be`);
  }
  const tookSeconds = (after.atMs - before.atMs) / 1_000;
  const cpu = liveRoles.map((role) => [role, (after.cpu[role] - before.cpu[role]) / tookSeconds]);
  return {
    ...(offered === undefined ? {} : { offered }),
    statements,
    perSecond,
    ageMs: { p50: quantile(ages, 0.5), p95: quantile(ages, 0.95) },
    frames,
    cpu: Object.fromEntries(cpu) as Record<LiveRole, number>,
  };
}

/** Statements of one line each, numbered. pgbench rather than a client of Node, which would take from what is measured: it needs a thirtieth of a core. */
async function load(
  url: string,
  { offered, seconds }: { readonly offered?: number; readonly seconds: number },
): Promise<Pick<LiveResult, "statements" | "perSecond">> {
  const directory = mkdtempSync(path.join(tmpdir(), "sallyport-live-"));
  removeAtExit(directory);
  const script = path.join(directory, "load.sql");
  writeFileSync(script, "\\set i :i + 1\nselect 'load :client_id :i';\n");
  const rate = offered === undefined ? [] : [`--rate=${offered}`];
  const args = ["--no-vacuum", `--file=${script}`, "--define=i=0", `--client=${liveConnections}`, `--time=${seconds}`];
  const pgbench = start(findProgram("pgbench"), [...args, ...rate, url], { env: { LANG: "C" } });
  pgbench.child.removeAllListeners("exit");
  let said = "";
  pgbench.child.stdout?.on("data", (bytes: Buffer) => (said += String(bytes)));
  await once(pgbench.child, "close");
  await pgbench.stop();
  const number = (pattern: RegExp): number => Number(pattern.exec(said)?.[1]);
  return { statements: number(/actually processed: (\d+)/), perSecond: number(/tps = ([\d.]+)/) };
}

async function rowCount(page: Page): Promise<number> {
  const text = (await page.locator(".live-count").first().textContent()) ?? "";
  return Number(text.replaceAll(/\D/g, ""));
}

/** What `watchPage` gathers. */
interface Seen {
  readonly count: number;
  readonly over50Ms: number;
  readonly longestMs: number;
  readonly ages: readonly number[];
}

/** Runs in the page: begins to gather anew. */
const forgetSeen = "globalThis.sallyportSeen = { count: 0, over50Ms: 0, longestMs: 0, ages: [] }";

/** Runs in the page, whose clock is the proxy's as well: all is on one machine. */
const watchPage = `(() => {
  ${forgetSeen};
  let before = performance.now();
  requestAnimationFrame(function next(now) {
    const seen = globalThis.sallyportSeen;
    const took = now - before;
    before = now;
    seen.count += 1;
    seen.over50Ms += took > 50 ? 1 : 0;
    seen.longestMs = Math.max(seen.longestMs, Math.round(took));
    requestAnimationFrame(next);
  });
  setInterval(() => {
    const last = document.querySelector(".statements-seen")?.lastElementChild;
    const time = last?.querySelector(".statement-time")?.textContent;
    if (time && last.textContent.includes("'load")) {
      globalThis.sallyportSeen.ages.push(Date.now() - Date.parse(new Date().toISOString().slice(0, 11) + time + "Z"));
    }
  }, 100);
})()`;
