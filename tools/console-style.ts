import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

/** `@import "./ui/button.css";` or `@import "package/file.css";`, a line of its own. */
const importLine = /^@import "([^"]+)";$/gm;

/** One style sheet from a file and all that it imports, in their order, without comments and needless white space. Throws for what is not there. */
export function consoleStyle(file: string): string {
  return smaller(inlined(file));
}

function inlined(file: string): string {
  return readFileSync(file, "utf8").replaceAll(importLine, (_line, name: string) =>
    inlined(
      name.startsWith(".") ? path.resolve(path.dirname(file), name) : createRequire(import.meta.url).resolve(name),
    ),
  );
}

/** Strings are kept as they are. Spaces within a value stay one; only those around braces, semicolons and commas, and after a colon, say nothing. */
function smaller(css: string): string {
  return css
    .replaceAll(/("(?:[^"\\\n]|\\.)*")|\/\*[\s\S]*?\*\//g, (_text, string: string | undefined) => string ?? "")
    .split(/("(?:[^"\\\n]|\\.)*")/)
    .map((part, index) =>
      index % 2 === 1
        ? part
        : part
            .replaceAll(/\s+/g, " ")
            .replaceAll(/ ?([{};,]) ?/g, "$1")
            .replaceAll(/: /g, ":")
            .replaceAll(/;\}/g, "}"),
    )
    .join("")
    .trim();
}
