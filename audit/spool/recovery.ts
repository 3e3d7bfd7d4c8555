import type { SpoolFiles } from "./files.ts";
import type { SpoolLimits } from "./limits.ts";
import { damagedName, listSegments, readSegment, type Segment, type SegmentContent } from "./segment.ts";

/** What a restart finds. */
export interface Recovery {
  /** Header of the newest readable segment: the state before its first record. Absent in a new spool. */
  readonly header?: Buffer;
  /** Records of that segment, oldest first. */
  readonly tail: readonly Buffer[];
  /** Bytes of an unfinished last write, dropped. None of its records had been reported as written. */
  readonly tornBytes: number;
  /** What was written once and cannot be read now, one sentence each. Empty after any death of the process alone. */
  readonly damage: readonly string[];
}

/** Recovery, and what the spool itself goes on with. */
export interface RecoveredSpool {
  readonly recovery: Recovery;
  readonly segments: readonly Segment[];
  /** Sequence number of the next record. Higher than the last one by more than 1 where records are known to be lost. */
  readonly nextSeq: number;
  /** Whether the newest segment can be appended to. */
  readonly appendable: boolean;
}

/** Reads a spool's directory as the last process left it. Writes nothing but the names of segments it cannot read. */
export function recoverSpool(
  files: SpoolFiles,
  directory: string,
  acknowledged: number,
  limits: SpoolLimits,
  seqOf: (payload: Uint8Array) => number,
): RecoveredSpool {
  const damage: string[] = [];
  const contents: SegmentContent[] = [];
  let lostFrom = 0;
  for (const { path, firstSeq } of listSegments(files, directory)) {
    const content = readSegment(files, path, firstSeq, limits.recordBytesMax);
    if (content === undefined) {
      files.renameSync(path, damagedName(path));
      damage.push(`The segment that began with record ${firstSeq} cannot be read; it is kept as ${damagedName(path)}.`);
      lostFrom = firstSeq;
    } else {
      contents.push(content);
    }
  }
  const segments = contents.map((content, index) =>
    settle(content, contents[index + 1]?.segment.firstSeq, seqOf, damage),
  );
  const last = contents.at(-1);
  const lastSegment = segments.at(-1);
  const followsOn = last === undefined || lastSegment === undefined ? 1 : lastSeqOf(last, lastSegment) + 1;
  const nextSeq = Math.max(followsOn, lostFrom + 1, acknowledged + 1);
  if (acknowledged >= followsOn) {
    damage.push(`Records ${followsOn} to ${acknowledged} were acknowledged and are not in the spool any more.`);
  }
  return {
    recovery: {
      ...(last === undefined ? {} : { header: last.header }),
      tail: last?.payloads ?? [],
      tornBytes: last?.tornBytes ?? 0,
      damage,
    },
    segments,
    nextSeq,
    appendable: lastSegment !== undefined && lastSegment.seqs === undefined && nextSeq === followsOn,
  };
}

/** Finds out whether a segment has all its records; where not, numbers those that are left by what they say. */
function settle(
  content: SegmentContent,
  nextFirstSeq: number | undefined,
  seqOf: (payload: Uint8Array) => number,
  damage: string[],
): Segment {
  const { segment, payloads, damagedBytes, tornBytes } = content;
  const whole = nextFirstSeq === undefined || nextFirstSeq === segment.firstSeq + payloads.length;
  if (damagedBytes.length === 0 && whole) {
    return segment;
  }
  const lostBytes = damagedBytes.reduce((sum, bytes) => sum + bytes, 0) + (nextFirstSeq === undefined ? 0 : tornBytes);
  damage.push(
    `The segment that begins with record ${segment.firstSeq} has lost records; ${lostBytes} bytes are damaged.`,
  );
  return { ...segment, seqs: payloads.map(seqOf) };
}

function lastSeqOf(content: SegmentContent, segment: Segment): number {
  return segment.seqs?.at(-1) ?? segment.firstSeq + content.payloads.length - 1;
}
