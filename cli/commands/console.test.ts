import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { type FakeInstallation, startFakeInstallation } from "#test/cli/fake-installation.ts";
import type { TestComputer } from "#test/cli/world.ts";
import { openerFor } from "../signin/browser.ts";
import { openConsole } from "./console.ts";

const link = { url: "https://sallyport.test/console/#code=one-time", expiryTime: "2026-01-01T00:01:00.000Z" };
let installation: FakeInstallation;

beforeAll(async () => {
  installation = await startFakeInstallation();
  installation.on("POST /v1/console/links", () => ({ body: link }));
});
afterAll(() => installation[Symbol.asyncDispose]());

/** A program in the place of a browser, which keeps what it was started with and what that page says. */
function browserOf(computer: TestComputer, text = '#!/bin/sh\necho "$1" > "$0.args"; cp "$1" "$0.page"\n'): string {
  const file = path.join(computer.home, "browser");
  writeFileSync(file, text);
  chmodSync(file, 0o755);
  return file;
}

describe("sallyport console", () => {
  it("gives the browser a page that only its owner can read, so that nobody sees the link on the command line", async () => {
    const clock = manualClock(Date.now());
    using computer = installation.computerOf("ada", { clock });
    const browser = browserOf(computer);
    const world = { ...computer.world, environment: { ...computer.world.environment, BROWSER: browser } };

    const running = openConsole.run({ positionals: [], options: {}, world });
    await expect.poll(() => existsSync(`${browser}.page`) && readFileSync(`${browser}.page`, "utf8") !== "").toBe(true);
    clock.advance(10_000);

    expect(await running).toBe(0);
    expect(readFileSync(`${browser}.page`, "utf8")).toContain(`content="0;url=${link.url}"`);
    expect(readFileSync(`${browser}.args`, "utf8")).toMatch(/^\/.*sallyport-[0-9a-f]{16}\.html\n$/);
    expect(readdirSync(computer.home).filter((name) => name.endsWith(".html"))).toEqual([]);
    expect(computer.out()).toContain("Opened https://sallyport.test/console/");
    expect(computer.out()).not.toContain("one-time");
  });

  it("prints the link where that is asked for, and where there is no browser", async () => {
    using computer = installation.computerOf("ada");

    const printed = await computer.run([openConsole], "console", "--print");
    const noBrowser = await computer.run([openConsole], "console", "--output", "json");

    expect(printed.out).toBe(`${link.url}\n`);
    expect(JSON.parse(noBrowser.out)).toEqual(link);
  });

  it("prints the link when the browser cannot be started", async () => {
    using computer = installation.computerOf("ada", { environment: { BROWSER: "/nowhere/browser" } });

    const { out } = await computer.run([openConsole], "console");

    expect(out).toBe(`${link.url}\n`);
  });
});

describe("the browser of a computer", () => {
  it.each([
    [{ DISPLAY: ":0" }, "linux", ["xdg-open"]],
    [{ WAYLAND_DISPLAY: "wayland-0" }, "linux", ["xdg-open"]],
    [{}, "linux", undefined],
    [{ DISPLAY: ":10", SSH_CONNECTION: "10.0.0.1 1 10.0.0.2 22" }, "linux", undefined],
    [{ SSH_TTY: "/dev/ttys1" }, "darwin", undefined],
    [{}, "darwin", ["open"]],
    [{ CI: "true" }, "darwin", undefined],
    [{}, "win32", ["rundll32", "url.dll,FileProtocolHandler"]],
    [{ BROWSER: "firefox", SSH_TTY: "/dev/pts/1" }, "linux", ["firefox"]],
  ] as const)("of %j on %s is opened by %j", (environment, platform, opener) => {
    expect(openerFor(environment, platform)).toEqual(opener);
  });
});
