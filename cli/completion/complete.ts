import { printable } from "#audit/text.ts";
import type { Command, Invocation } from "../command.ts";
import { expectedWord, type Word } from "./candidates.ts";
import { wordsOf } from "./known.ts";

/** What a shell takes as it stands, without quotes: anything else is not offered. */
const plainWord = /^[\w.:/@+-]+$/;

/**
 * What the shell's script asks: a line for each word that may stand there, `word<TAB>meaning`, or the line `:files`. Says nothing where
 * nothing is known, and never fails: a shell would show that in the middle of a line.
 */
export async function complete({ positionals, world }: Invocation, commands: readonly Command[]): Promise<number> {
  const current = positionals.at(-1) ?? "";
  const { words, kind, database } = expectedWord(commands, positionals);
  if (kind === "files") {
    world.output.line({ kind }, () => ":files");
    return 0;
  }
  const all = kind === undefined ? words : [...words, ...(await wordsOf(kind, database, world))];
  for (const word of all) {
    if (word.value.startsWith(current) && plainWord.test(word.value)) {
      world.output.line(word, () => lineOf(word));
    }
  }
  return 0;
}

/** The tab is ours; what the meaning holds came from others. */
function lineOf({ value, summary }: Word): string {
  return summary === "" ? value : `${value}\t${printable(summary)}`;
}
