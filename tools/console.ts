import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { type OutputChunk, rolldown } from "rolldown";
import { consoleStyle } from "./console-style.ts";

/** The checkout. */
const root = path.dirname(import.meta.dirname);
/** Where sources find the built console (`controller/main.ts`), and the bundle's folder has it beside the program. */
const defaultDirectory = path.join(root, "dist", "console");
/** Names what a build was made from. Beside the folder that is served, since it is nobody's business. */
const stampName = "console.inputs";

/** One file that browsers load. */
export interface ConsoleFile {
  /** Below the served folder, such as `assets/main-DkU3.js`. */
  readonly name: string;
  readonly content: string;
}

/** What a build makes. */
export interface ConsoleBuild {
  /** `index.html` and what is loaded with it or later. */
  readonly files: readonly ConsoleFile[];
  /** Source maps by name: for people who look into a failure, not for browsers. */
  readonly maps: readonly ConsoleFile[];
  /** Names of the scripts that are loaded before anything is shown; the rest comes when a page needs it. */
  readonly firstLoad: readonly string[];
}

/**
 * Builds the console: the same sources make the same bytes. Throws when the bundler warns, as for the program: a module of Node, say,
 * that a browser does not have.
 */
export async function buildConsole(): Promise<ConsoleBuild> {
  // Apart, since it runs before the page is parsed, as a classic script, and so shares no file with the rest.
  const first = await bundled("first.ts", "iife");
  const chunks = await bundled("main.tsx", "esm");
  const scripts = [...first, ...chunks];
  const style = named("style", "css", consoleStyle(path.join(root, "console", "main.css")));
  const icon = named("icon", "svg", readFileSync(path.join(root, "console", "icon.svg"), "utf8"));
  const entries = { first: entryOf(first).fileName, main: entryOf(chunks).fileName };
  const index = indexHtml({ ...entries, style: style.name, icon: icon.name });
  const served = scripts.map(({ fileName, code }) => ({ name: fileName, content: code }));
  return {
    files: [index, ...served, style, icon].sort((one, other) => (one.name < other.name ? -1 : 1)),
    maps: scripts.map(({ fileName, map }) => ({ name: `${fileName}.map`, content: map?.toString() ?? "" })),
    firstLoad: [entries.first, entries.main, ...importsOf(entryOf(chunks), chunks)],
  };
}

async function bundled(entry: string, format: "esm" | "iife"): Promise<readonly OutputChunk[]> {
  const bundle = await rolldown({
    input: path.join(root, "console", entry),
    cwd: root,
    platform: "browser",
    tsconfig: false,
    transform: { target: "es2022", jsx: { runtime: "automatic", importSource: "preact" } },
    onLog(_level, log) {
      throw new Error(`the bundler says: ${log.message}`);
    },
  });
  const { output } = await bundle.generate({
    format,
    entryFileNames: "assets/[name]-[hash].js",
    chunkFileNames: "assets/[name]-[hash].js",
    minify: true,
    sourcemap: "hidden",
  });
  await bundle.close();
  return output.filter((item) => item.type === "chunk");
}

/** Scripts that come with one, however far. */
function importsOf(chunk: OutputChunk, chunks: readonly OutputChunk[]): string[] {
  const seen = new Set<string>();
  const visit = ({ imports }: OutputChunk): void => {
    for (const name of imports.filter((each) => !seen.has(each))) {
      seen.add(name);
      const imported = chunks.find(({ fileName }) => fileName === name);
      if (imported !== undefined) {
        visit(imported);
      }
    }
  };
  visit(chunk);
  return [...seen];
}

function entryOf(chunks: readonly OutputChunk[]): OutputChunk {
  const found = chunks.find(({ isEntry }) => isEntry);
  if (found === undefined) {
    throw new Error("the bundler made no entry");
  }
  return found;
}

/** A file whose name changes with its content, so that browsers may keep it for ever. */
function named(name: string, extension: string, content: string): ConsoleFile {
  const hash = createHash("sha256").update(content).digest("base64url").slice(0, 8);
  return { name: `assets/${name}-${hash}.${extension}`, content };
}

function indexHtml(places: Readonly<Record<string, string>>): ConsoleFile {
  const template = readFileSync(path.join(root, "console", "index.html"), "utf8");
  const content = template.replaceAll(/\{\{(\w+)\}\}/g, (_text, name: string) => {
    const place = places[name];
    if (place === undefined) {
      throw new Error(`console/index.html asks for ${name}, which the build does not make`);
    }
    return `/console/${place}`;
  });
  return { name: "index.html", content };
}

/** Builds into `directory` (its `console` is what is served, its `console-maps` the source maps). Returns what it wrote there. */
export async function writeConsole(directory: string): Promise<readonly string[]> {
  const build = await buildConsole();
  mkdirSync(directory, { recursive: true });
  place(path.join(directory, "console-maps"), build.maps);
  place(path.join(directory, "console"), build.files);
  writeFileSync(path.join(directory, stampName), inputsDigest());
  return ["console", "console-maps", stampName];
}

/** Makes a folder of exactly these files. It appears at once, so that a controller which starts meanwhile never reads half of it. */
function place(directory: string, files: readonly ConsoleFile[]): void {
  const made = mkdtempSync(`${directory}-`);
  for (const { name, content } of files) {
    mkdirSync(path.dirname(path.join(made, name)), { recursive: true });
    writeFileSync(path.join(made, name), content);
  }
  const old = mkdtempSync(`${directory}-`);
  if (existsSync(directory)) {
    renameSync(directory, path.join(old, "replaced"));
  }
  renameSync(made, directory);
  rmSync(old, { recursive: true });
}

/** Builds the console where the sources look for it, unless what is there was made from the same sources. Returns its folder. */
export async function ensureConsole(): Promise<string> {
  const stamp = path.join(root, "dist", stampName);
  const isFresh =
    existsSync(path.join(defaultDirectory, "index.html")) &&
    existsSync(stamp) &&
    readFileSync(stamp, "utf8") === inputsDigest();
  if (!isFresh) {
    await writeConsole(path.join(root, "dist"));
  }
  return defaultDirectory;
}

/** Digest of everything that a build is made from. */
function inputsDigest(): string {
  const digest = createHash("sha256");
  const patterns = ["{console,lib,kinds,wire}/**/*.{ts,tsx,css,html,svg}", "tools/console*.ts", "package-lock.json"];
  for (const file of globSync(patterns, { cwd: root }).sort()) {
    if (!file.includes(".test.")) {
      digest
        .update(`${file}\0`)
        .update(readFileSync(path.join(root, file)))
        .update("\0");
    }
  }
  return digest.digest("hex");
}

// Also imported by the tests and by what needs a built console.
if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  process.stdout.write(`${await ensureConsole()}\n`);
}
