import type { ArchiveReport } from "./verify.ts";

/** What an archive's verdict means, in sentences for a person. */
export interface ArchiveWords {
  readonly proves: readonly string[];
  readonly doesNotProve: readonly string[];
}

type Said = Pick<ArchiveReport, "verdict" | "from" | "notSigned" | "lastHeads" | "findings">;

/** Puts a verdict into words. Pure. */
export function archiveWords(report: Said): ArchiveWords {
  const { verdict, from, notSigned, lastHeads } = report;
  const begin = from === undefined ? "from the beginning" : `that was signed after line ${from.line} of ${from.time}`;
  const proves =
    verdict === "complete"
      ? [`Every record ${begin} to the last signed head is there, as it was written, each task's in its order.`]
      : [];
  const doesNotProve = [
    ...(verdict === "consistent, unanchored" ? [unanchoredWords(lastHeads.length > 0)] : []),
    ...(from === undefined ? [] : [`What was before line ${from.line} of ${from.time}: not all of it is here.`]),
    ...(notSigned === 0
      ? []
      : [`That ${notSigned} records which came after the last signed head are whole: they are not yet signed.`]),
    "That nothing came after the last signed head: compare its line with a newer archive, or with a copy kept elsewhere.",
    "`storeSeq`, `receivedTime` and `flag` of each line, and the order between tasks: the store says them, no hash covers them.",
  ];
  return { proves, doesNotProve };
}

function unanchoredWords(isSigned: boolean): string {
  return isSigned
    ? "That all tasks are whole: no signed head names some of them, although it may still come."
    : "Without the public key and signed heads nothing proves that this is not another trail that fits together.";
}

/** What to do where only the beginning is missing; undefined where something else is wrong, or nothing. */
export function beginsLater({ verdict, from, findings }: Said): string | undefined {
  return verdict === "broken" &&
    from !== undefined &&
    findings.every(({ kind }) => kind === "removed" || kind === "truncated")
    ? `Everything that was signed after line ${from.line} of the head log is here. Where the archive begins there on purpose, say --since ${from.time}.`
    : undefined;
}
