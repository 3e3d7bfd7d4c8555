/** A file of the sink, by its name. */
export interface NamedFile {
  readonly name: string;
  readonly epoch: string;
  readonly first: number;
  /** Absent while it is written. */
  readonly last?: number;
}

/** Enough for every position that a number holds exactly (2^53 has 16 digits). */
const positionDigits = 16;
const pattern = /^audit-([A-Za-z0-9]+)-(\d{16})(?:-(\d{16})\.jsonl|\.jsonl\.open)$/;

const padded = (position: number): string => String(position).padStart(positionDigits, "0");

/** Name of the file that is written to. Whoever collects files takes those that end in `.jsonl`. */
export function openName(epoch: string, first: number): string {
  return `audit-${epoch}-${padded(first)}.jsonl.open`;
}

/** Name of a file that is complete. */
export function closedName(epoch: string, first: number, last: number): string {
  return `audit-${epoch}-${padded(first)}-${padded(last)}.jsonl`;
}

/** Reads a name; undefined for a file that is not the sink's. */
export function readName(name: string): NamedFile | undefined {
  const [, epoch, first, last] = pattern.exec(name) ?? [];
  return epoch === undefined
    ? undefined
    : { name, epoch, first: Number(first), ...(last === undefined ? {} : { last: Number(last) }) };
}
