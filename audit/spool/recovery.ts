import type { SpoolFiles } from "./files.ts";
import { damagedName, listSegments, readSegment, type Segment, type SegmentContent, type Visit } from "./segment.ts";

/** What a restart finds. */
export interface Recovery {
  /** Bytes of an unfinished last write, dropped. None of its entries had been reported as written. */
  readonly tornBytes: number;
  /** What was written once and cannot be read now, one sentence each. Empty after any death of the process alone. */
  readonly damage: readonly string[];
}

/** Recovery, and what the spool itself goes on with. */
export interface RecoveredSpool {
  readonly recovery: Recovery;
  readonly segments: readonly Segment[];
  /** Sequence number of the next entry. Higher than the last one by more than 1 where entries are known to be lost. */
  readonly nextSeq: number;
  /** Whether the newest segment can be appended to. */
  readonly appendable: boolean;
}

/**
 * Reads a spool's directory as the last process left it, and shows every entry to `visit`, oldest first. Writes nothing but
 * the names of segments it cannot read. Holds one segment in memory at a time.
 */
export function recoverSpool(files: SpoolFiles, directory: string, acknowledged: number, visit: Visit): RecoveredSpool {
  const damage: string[] = [];
  const segments: Segment[] = [];
  let lostFrom = 0;
  let last: SegmentContent | undefined;
  for (const { path, firstSeq } of listSegments(files, directory)) {
    const content = readSegment(files, path, firstSeq, visit);
    if (content === undefined) {
      files.renameSync(path, damagedName(path));
      damage.push(`The segment that began with record ${firstSeq} cannot be read; it is kept as ${damagedName(path)}.`);
      lostFrom = firstSeq;
      continue;
    }
    noteDamage(damage, last, firstSeq);
    segments.push(content.segment);
    last = content;
  }
  noteDamage(damage, last, undefined);
  const followsOn = last?.endSeq ?? 1;
  const nextSeq = Math.max(followsOn, lostFrom + 1, acknowledged + 1);
  if (acknowledged >= followsOn) {
    damage.push(`Records ${followsOn} to ${acknowledged} were acknowledged and are not in the spool any more.`);
  }
  return {
    recovery: { tornBytes: last?.tornBytes ?? 0, damage },
    segments,
    nextSeq,
    appendable: last !== undefined && last.holes === 0 && nextSeq === followsOn,
  };
}

/** Says what is wrong with a segment, now that it is known where the next one begins. */
function noteDamage(damage: string[], content: SegmentContent | undefined, nextFirstSeq: number | undefined): void {
  if (content === undefined) {
    return;
  }
  const { segment, endSeq, holes, damagedBytes, tornBytes } = content;
  const cutShort = nextFirstSeq !== undefined && nextFirstSeq !== endSeq;
  if (holes > 0 || cutShort) {
    const bytes = damagedBytes + (nextFirstSeq === undefined ? 0 : tornBytes);
    damage.push(
      `The segment that begins with record ${segment.firstSeq} has lost records; ${bytes} bytes are damaged.`,
    );
  }
}
