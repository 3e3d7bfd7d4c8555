import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { readConsoleAssets } from "#controller/serve/console-assets.ts";
import { buildConsole, type ConsoleBuild, writeConsole } from "./console.ts";
import { consoleStyle } from "./console-style.ts";

/** Scripts of the first page, compressed, in bytes: below a second on a slow phone network (3G, 400 kbit/s, without its latency). */
const firstLoadBytesMax = 50_000;
/** Everything that a person who opens every page ever loads, likewise. */
const allBytesMax = 150_000;

let build: ConsoleBuild;
beforeAll(async () => {
  build = await buildConsole();
});

function zipped(files: readonly { readonly content: string }[]): number {
  return files.reduce((sum, { content }) => sum + gzipSync(content, { level: 9 }).length, 0);
}

describe("the built console", () => {
  it("is the same bytes each time it is built from the same sources", async () => {
    expect(await buildConsole()).toEqual(build);
  });

  it("is small: what the first page needs, and everything together", () => {
    const first = build.files.filter(({ name }) => build.firstLoad.includes(name));

    expect(first.length).toBeGreaterThanOrEqual(2);
    expect(zipped(first)).toBeLessThan(firstLoadBytesMax);
    expect(zipped(build.files)).toBeLessThan(allBytesMax);
  });

  it("loads charts only where there are some", () => {
    const isPlot = ({ content }: { content: string }): boolean => content.includes("u-legend");
    const scripts = build.files.filter(({ name }) => name.endsWith(".js"));

    expect(scripts.filter(isPlot).map(({ name }) => build.firstLoad.includes(name))).toEqual([false]);
  });

  it("names a hash in every file but the page, and no source map", () => {
    const names = build.files.map(({ name }) => name).filter((name) => name !== "index.html");

    expect(names.filter((name) => !/^assets\/[\w-]+-[\w-]{8}\.(js|css|svg)$/.test(name))).toEqual([]);
    expect(build.files.filter(({ content }) => content.includes("sourceMappingURL"))).toEqual([]);
    expect(build.maps.length).toBe(names.filter((name) => name.endsWith(".js")).length);
  });

  it("has no inline script or style, and names nothing of another origin in its page and style", () => {
    const page = build.files.find(({ name }) => name === "index.html")?.content ?? "";
    const style = build.files.find(({ name }) => name.endsWith(".css"))?.content ?? "";

    expect(page).toMatch(/<script type="module" src="\/console\/assets\/main-/);
    expect(page).not.toMatch(/<script(?![^>]* src=)|<style|\sstyle=|\son\w+=/);
    expect(`${page}${style}`).not.toMatch(/https?:|url\(\/\//);
  });

  it("is what the controller can serve", async () => {
    const directory = mkdtempSync(path.join(tmpdir(), "sallyport-console-"));

    await writeConsole(directory);
    const assets = readConsoleAssets(path.join(directory, "console"));

    expect(assets?.files.size).toBe(build.files.length - 1);
    rmSync(directory, { recursive: true });
  });
});

describe("the console's sources", () => {
  const sources = globSync("console/**/*.{ts,tsx}").filter((file) => !/\.test\.|\/testing\.ts$/.test(file));

  it("never make markup of a text, nor code", () => {
    const forbidden =
      /dangerouslySetInnerHTML|\.(inner|outer)HTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|\beval\(|new Function\(|setAttribute\("(style|on)/;

    expect(sources.length).toBeGreaterThan(50);
    expect(sources.filter((file) => forbidden.test(readFileSync(file, "utf8")))).toEqual([]);
  });

  it("speak with the control API through the client only, which alone sends the header that it asks for", () => {
    const speaking = sources.filter((file) =>
      /\bfetch\(|XMLHttpRequest|new (WebSocket|EventSource)\(/.test(readFileSync(file, "utf8")),
    );

    expect(speaking).toEqual(["console/api/browser.ts", "console/api/client.ts"]);
  });
});

describe("the style sheet", () => {
  it("is smaller than its sources and keeps strings, selectors and sums as they are", () => {
    const directory = mkdtempSync(path.join(tmpdir(), "sallyport-style-"));
    const file = path.join(directory, "main.css");
    const css = `/* a */\n@media (width < 10em) {\n  a > b, .c :focus {\n    width: calc(1em + 2px);\n    content: "  /* { ; */  ";\n  }\n}\n`;
    writeFileSync(file, css);

    expect(consoleStyle(file)).toBe(
      `@media (width < 10em){a > b,.c :focus{width:calc(1em + 2px);content:"  /* { ; */  "}}`,
    );
    rmSync(directory, { recursive: true });
  });
});
