import { existsSync, globSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Command } from "#cli/command.ts";
import { loadManifests } from "#kinds/load.ts";
import { formatProblem } from "#kinds/problem.ts";

/** What documents show, and what of it is not so, one line each. */
export interface DocumentReport {
  readonly commands: number;
  readonly manifests: number;
  readonly problems: readonly string[];
}

/** A fenced block of a document. */
interface Block {
  readonly file: string;
  /** Line of its first line, from 1. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

/** Words that every command takes, and the value that one of them has. */
const everywhere: ReadonlySet<string> = new Set(["output", "o", "help", "h"]);

/** Checks every `sallyport …` and every object of ours in the code blocks of the documents below `root`: commands, options, schemas, rules. */
export function checkDocuments(root: string, commands: readonly Command[]): DocumentReport {
  const files = globSync(["*.md", "docs/**/*.md", "manifests/**/*.md"], { cwd: root }).filter(
    (file) => !file.startsWith(path.join("docs", "decisions")),
  );
  return checkBlocks(
    files.flatMap((file) => blocksOf(file, readFileSync(path.join(root, file), "utf8"))),
    commands,
  );
}

/** Paths of sources that a document names in full and that are not there. */
export function missingPaths(root: string, text: string): readonly string[] {
  const folders = "crds|kinds|controller|proxy|audit|wire|cli|console|lib|sandbox|manifests|tools|test";
  const named = [...text.matchAll(new RegExp(`\`((?:${folders})/[\\w./-]*)\``, "g"))].map(([, one = ""]) => one);
  return [...new Set(named)].filter((one) => !existsSync(path.join(root, one)));
}

/** The same of one text. */
export function checkText(file: string, text: string, commands: readonly Command[]): DocumentReport {
  return checkBlocks(blocksOf(file, text), commands);
}

function checkBlocks(blocks: readonly Block[], commands: readonly Command[]): DocumentReport {
  const lines = blocks.flatMap((block) => (["", "sh", "console"].includes(block.language) ? commandLines(block) : []));
  const manifests = blocks.filter(
    ({ language, text }) => language === "yaml" && /^apiVersion: sallyport\.dev\//m.test(text),
  );
  return {
    commands: lines.length,
    manifests: manifests.length,
    problems: [
      ...lines.flatMap(({ at, words }) => problemOf(words, commands).map((why) => `${at}: ${why}`)),
      ...manifests.flatMap(({ file, line, text }) =>
        loadManifests(text, `${file}:${line}`).problems.map((problem) => formatProblem(problem)),
      ),
    ],
  };
}

/** Fenced blocks, also those of lists. */
function blocksOf(file: string, text: string): readonly Block[] {
  return [...text.matchAll(/^( *)```(\w*)\n([\s\S]*?)^\1```/gm)].map(
    ({ 0: whole, 1: indent = "", 2: language = "", 3: body = "", index }) => ({
      file,
      line: text.slice(0, index + whole.indexOf("\n") + 1).split("\n").length,
      language,
      text: body.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
    }),
  );
}

/** Each `sallyport …` of a block, as the words that a shell would make of it. What is printed in the same block is no command. */
function commandLines({
  file,
  line,
  text,
}: Block): readonly { readonly at: string; readonly words: readonly string[] }[] {
  const joined = text.replaceAll(/\\\n\s*/g, (cut) => " ".repeat(cut.length));
  return joined.split("\n").flatMap((one, index) => {
    const typed = /^\s*(?:\$ )?(sallyport .*)$/.exec(one)?.[1];
    return typed === undefined ? [] : [{ at: `${file}:${line + index}`, words: wordsOf(typed) }];
  });
}

/** Words of a shell's line, without quotes, up to a comment, a pipe or a redirection. */
function wordsOf(typed: string): readonly string[] {
  const words: string[] = [];
  for (const [word] of typed.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)) {
    if (/^(#|\||>|<|&)/.test(word)) {
      break;
    }
    // What is quoted is a value, whatever it begins with.
    words.push(/^["']/.test(word) ? "value" : word.replaceAll(/["']/g, ""));
  }
  return words.slice(1);
}

function problemOf(words: readonly string[], commands: readonly Command[]): readonly string[] {
  const command = commands
    .filter(({ name }) => name.split(" ").every((part, index) => words[index] === part))
    .toSorted((one, other) => other.name.length - one.name.length)[0];
  if (command === undefined) {
    return [`there is no command: sallyport ${words.join(" ")}`];
  }
  const problems: string[] = [];
  const given = new Set<string>();
  for (const word of words) {
    if (word === "--") {
      break;
    }
    const [, name] = /^--?([a-zA-Z][a-zA-Z-]*)/.exec(word) ?? [];
    if (name === undefined || everywhere.has(name)) {
      continue;
    }
    const option = command.options.find((one) => (word.startsWith("--") ? one.name : one.short) === name);
    given.add(option?.name ?? name);
    problems.push(...(option === undefined ? [`sallyport ${command.name} has no option ${word}`] : []));
  }
  const isWhole = !words.includes("…") && !words.includes("...");
  const missing = command.options.filter(({ required, name }) => required && isWhole && !given.has(name));
  return [...problems, ...missing.map(({ name }) => `sallyport ${command.name} needs --${name}`)];
}
