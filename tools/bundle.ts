import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { type Plugin, rolldown } from "rolldown";
import { writeConsole } from "./console.ts";

/** The checkout. */
const root = path.dirname(import.meta.dirname);

/** Name of the file that starts everything: `node sallyport.mjs …`. */
export const bundleEntry = "sallyport.mjs";

/** Where the one program begins; everything else is reached from here. */
const entryModule = path.join(root, "cli", "main.ts");

/**
 * What nearly every command loads, and what every command loads that signs in: these modules with all that they import are a file each. The
 * bundler alone makes a file of each set of modules that the same parts need, a dozen of one or two kilobytes, and finding, reading and
 * linking one takes half a millisecond.
 */
const together = [
  {
    name: "start",
    test: /\/(?:lib\/(?:clock|defined|errors)|cli\/(?:command|config\/config|control\/lines|output\/(?:duration|output)|signin\/signed-in))\.ts$/,
    priority: 2,
  },
  { name: "session", test: /\/cli\/signin\/session\.ts$/, priority: 1 },
];

/** `new URL("./worker.ts", import.meta.url)`: how modules name other files of the project. */
const fileReference = /new URL\("(\.[^"]+)", import\.meta\.url\)/g;

/**
 * Writes the program into a folder, emptied first: JavaScript that Node 24 runs without any package installed. Parts that are loaded
 * lazily stay files of their own, all beside each other; so does each worker thread's module. The console is a folder among them.
 * Returns the names of files and folders.
 *
 * Throws when the bundler warns: what it only warns of (a module that it cannot find, say) fails at run time.
 */
export async function writeBundle(directory: string): Promise<readonly string[]> {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const build = await rolldown({
    input: { sallyport: entryModule },
    cwd: root,
    platform: "node",
    plugins: [fileReferences()],
    onLog(_level, log) {
      throw new Error(`the bundler says: ${log.message}`);
    },
  });
  const { output } = await build.write({
    dir: directory,
    format: "esm",
    entryFileNames: bundleEntry,
    chunkFileNames: "[name]-[hash].mjs",
    codeSplitting: { groups: together },
    minify: false,
    // Names of functions and classes are read by people in stack traces, and of errors by code.
    keepNames: true,
  });
  await build.close();
  writeFileSync(path.join(directory, "package.json"), packageFile());
  cpSync(path.join(root, "LICENSE"), path.join(directory, "LICENSE"));
  return [...output.map(({ fileName }) => fileName), "package.json", "LICENSE", ...(await writeConsole(directory))];
}

/**
 * Makes references between files hold in the bundle, where all files lie in one folder: a `.ts` module becomes a file of its own with
 * its imports, the program's own entry becomes the bundle's, and the project's package.json becomes the bundle's. Throws for any other file,
 * which nobody would have copied.
 */
function fileReferences(): Plugin {
  return {
    name: "file-references",
    transform(code, id) {
      if (!id.startsWith(root) || id.includes("node_modules")) {
        return null;
      }
      return code.replaceAll(fileReference, (_text, relative: string) => {
        const target = path.resolve(path.dirname(id), relative);
        return `new URL("./${nameOf(target, (file, fileName) => this.emitFile({ type: "chunk", id: file, fileName }))}", import.meta.url)`;
      });
    },
  };
}

function nameOf(target: string, emit: (file: string, fileName: string) => void): string {
  if (target === entryModule) {
    return bundleEntry;
  }
  const relative = path.relative(root, target);
  if (relative === "package.json") {
    return relative;
  }
  if (relative === path.join("dist", "console")) {
    return "console/";
  }
  if (!relative.endsWith(".ts")) {
    throw new Error(`${relative} is read at run time, and the bundle has no place for it: add it to tools/bundle.ts`);
  }
  const fileName = `${relative.replaceAll(path.sep, "-").slice(0, -".ts".length)}.mjs`;
  emit(target, fileName);
  return fileName;
}

/** What npm and Node need to know of the bundle. It needs no packages. */
function packageFile(): string {
  const { name, version, description, license, engines } = JSON.parse(
    readFileSync(path.join(root, "package.json"), "utf8"),
  ) as Record<string, unknown>;
  const bundled = { name, version, description, license, type: "module", bin: { sallyport: bundleEntry }, engines };
  return `${JSON.stringify(bundled, null, 2)}\n`;
}

// Also imported by the tests, which bundle into folders of their own.
if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const files = await writeBundle(path.join(root, "dist"));
  process.stdout.write(`dist/: ${files.length} files; run: node dist/${bundleEntry} --version\n`);
}
