import type { ArchiveReport } from "./verify.ts";

/** What an archive's verdict means, in sentences for a person. */
export interface ArchiveWords {
  readonly proves: readonly string[];
  readonly doesNotProve: readonly string[];
}

type Said = Pick<
  ArchiveReport,
  "verdict" | "from" | "notSigned" | "lastHeads" | "onlyBeginningMissing" | "idleKeys" | "unanchored"
>;

/** Puts a verdict into words. Pure. */
export function archiveWords(report: Said): ArchiveWords {
  const { verdict, from, notSigned, idleKeys } = report;
  const begin = from === undefined ? "from the beginning" : `that was signed after line ${from.line} of ${from.time}`;
  const proves =
    verdict === "complete"
      ? [`Every record ${begin} up to the last signed head is there, as it was written, each task's in its order.`]
      : [];
  const doesNotProve = [
    ...(verdict === "consistent, unanchored" ? [unanchoredWords(report)] : []),
    ...idleKeys.map(
      (key) => `That what ${key} signed is here: no line of it is. Leave that key out if it never signed.`,
    ),
    ...(from === undefined ? [] : [`What was before line ${from.line} of ${from.time}: not all of it is here.`]),
    ...(notSigned === 0 ? [] : [`That the ${notSigned} records that are not yet signed are whole and nobody else's.`]),
    "That nothing came after the last signed head: compare its line with a newer archive, or with a copy kept elsewhere.",
    "`storeSeq`, `receivedTime` and `flag` of each line, and the order between tasks: the store says them, no hash covers them.",
  ];
  return { proves, doesNotProve };
}

function unanchoredWords({ lastHeads, idleKeys }: Said): string {
  if (lastHeads.length === 0) {
    return "Without the public key and signed heads nothing proves that this is not another trail that fits together.";
  }
  return idleKeys.length > 0
    ? "That all trails of the installation are here."
    : "That every task's records are: no signed head names some tasks, although it may still come.";
}

/** What to do where only the beginning is missing; undefined otherwise. */
export function beginsLater({ onlyBeginningMissing, from }: Said): string | undefined {
  return onlyBeginningMissing && from !== undefined
    ? `Everything that was signed after line ${from.line} is here. Where the archive begins there on purpose, say --since ${from.time}.`
    : undefined;
}
