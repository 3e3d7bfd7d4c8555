import path from "node:path";
import { archiveLines } from "#audit/archive/files.ts";
import { type ArchiveReport, verifyArchive } from "#audit/archive/verify.ts";
import { archiveWords, beginsLater } from "#audit/archive/words.ts";
import { coerceError, UserError } from "#lib/errors.ts";
import { type Invocation, valueOf } from "../command.ts";
import { parseInstant } from "../output/instant.ts";
import { publicKeyGiven } from "./public-key.ts";

/** What is said of an archive, and in words. */
export interface ArchiveView extends ArchiveReport {
  readonly proves: readonly string[];
  readonly doesNotProve: readonly string[];
  /** What to do where only the beginning is missing. */
  readonly hint?: string;
}

/** Verifies what sinks delivered: the files and directories of `--archive`, offline. Throws a `UserError` where one cannot be read. */
export async function archiveView(invocation: Invocation, archives: readonly string[]): Promise<ArchiveView> {
  const { world } = invocation;
  const since = valueOf(invocation, "since");
  const publicKey = publicKeyGiven(invocation);
  const sinceMs = since === undefined ? undefined : Date.parse(parseInstant("since", since, world.clock.now(), -1));
  const paths = archives.map((archive) => path.resolve(world.workingDirectory, archive));
  const report = await verifyArchive(readable(archiveLines(paths)), { publicKey, sinceMs });
  if (report.counts.records === 0 && report.lastHeads.length === 0 && report.findings.length === 0) {
    throw new UserError("NoArchive", `${archives.join(", ")} holds nothing that an audit sink delivered`, {
      why: `None of its ${report.otherLines} lines is a record or a signed head.`,
      next: "Name the directory of a file sink, downloaded S3 objects, or what `aws logs get-log-events` answered.",
    });
  }
  const hint = beginsLater(report);
  return { ...report, ...archiveWords(report), ...(hint === undefined ? {} : { hint }) };
}

async function* readable(lines: AsyncIterable<string>): AsyncGenerator<string, void, void> {
  try {
    yield* lines;
  } catch (error) {
    throw new UserError("FileUnreadable", "the archive cannot be read", {
      why: coerceError(error).message,
      next: "Name files, or directories of files, that are whole.",
      cause: error,
    });
  }
}

/** Lines about what an archive has and other trails do not. */
export function archiveNotes(view: ArchiveView): string[] {
  const { lastHeads, notSigned, repeated, otherLines, hint } = view;
  return [
    ...lastHeads.map(({ line, time, sha256 }) => `  last signed head: line ${line} of ${time}, SHA-256 ${sha256}`),
    ...(notSigned === 0 ? [] : [`  not yet signed: ${notSigned} records`]),
    ...(repeated === 0 ? [] : [`  delivered again: ${repeated} lines, which count once`]),
    ...(otherLines === 0 ? [] : [`  passed over: ${otherLines} lines that are no delivery, or are cut off`]),
    ...(hint === undefined ? [] : [hint]),
  ];
}
