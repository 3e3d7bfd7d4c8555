import { globSync, readFileSync } from "node:fs";
import path from "node:path";

/** Folders that each folder's product code may import, besides itself. Tests may import anything. Source: docs/architecture.md. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  kinds: ["lib"],
  wire: ["lib"],
  audit: ["lib"],
  controller: ["lib", "kinds", "wire", "audit"],
  proxy: ["lib", "kinds", "wire", "audit"],
  cli: ["lib", "kinds", "wire", "audit"],
  console: ["lib", "kinds", "wire"],
  sandbox: ["lib"],
};

/** `cli/main.ts` alone loads the other processes, each by a lazy `import()` in its command. */
const processFolders = ["controller", "proxy", "sandbox"];
const entryPoint = "cli/main.ts";

/** Modules that do I/O: a `decide.ts` file, which must be pure, may not import them. */
const ioModules =
  /^(node:(fs|net|tls|http|https|http2|dgram|child_process|worker_threads|timers|dns|sqlite)|@aws-sdk\/|ws$|pg$|mysql2)/;

const importPattern =
  /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)|(?:^|\n)import\s+"([^"]+)"/g;

/** What was checked and what breaks the law, one line each. */
export interface ImportReport {
  readonly modules: number;
  readonly problems: readonly string[];
}

/** Checks every product module below `root`. The caller asserts `modules`, so that a check that saw nothing cannot pass. */
export function checkImports(root: string): ImportReport {
  const files = globSync(`{${Object.keys(allowed).join(",")}}/**/*.{ts,tsx}`, { cwd: root }).filter(
    (file) => !/\.test\.tsx?$/.test(file),
  );
  const problems = files.flatMap((file) => problemsOf(file, readFileSync(path.join(root, file), "utf8")));
  return { modules: files.length, problems };
}

/** Problems of one module's text; `file` is its path from the checkout's root. */
export function problemsOf(file: string, text: string): string[] {
  const folder = file.split("/")[0] ?? "";
  const problems: string[] = [];
  for (const match of text.matchAll(importPattern)) {
    const specifier = match[1] ?? match[2] ?? match[3] ?? "";
    const target = folderOf(file, specifier);
    const lazy = match[2] !== undefined;
    if (target !== undefined && target !== folder && !(allowed[folder] ?? []).includes(target)) {
      if (!(file === entryPoint && lazy && processFolders.includes(target))) {
        problems.push(`${file}: ${folder}/ may not import ${specifier}`);
      }
    }
    if (file.endsWith("/decide.ts") && ioModules.test(specifier)) {
      problems.push(`${file}: a decision is pure and may not import ${specifier}`);
    }
    if (folder === "console" && specifier.startsWith("node:")) {
      problems.push(`${file}: a browser has no ${specifier}`);
    }
    if (
      /^proxy\/(postgres|mysql)\//.test(file) &&
      target !== undefined &&
      target !== "lib" &&
      !samePart(file, specifier)
    ) {
      problems.push(`${file}: a database codec imports only lib/, not ${specifier}`);
    }
  }
  return problems;
}

function folderOf(file: string, specifier: string): string | undefined {
  if (specifier.startsWith("#")) {
    return specifier.slice(1).split("/")[0];
  }
  return specifier.startsWith(".") ? path.join(path.dirname(file), specifier).split("/")[0] : undefined;
}

function samePart(file: string, specifier: string): boolean {
  const part = file.split("/").slice(0, 2).join("/");
  return specifier.startsWith(".") && path.join(path.dirname(file), specifier).startsWith(`${part}/`);
}
