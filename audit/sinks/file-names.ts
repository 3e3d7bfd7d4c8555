/** What the files hold: records, or the signed lines of the head log. */
export const fileStems = ["audit", "heads"] as const;
export type FileStem = (typeof fileStems)[number];

/** A file of the sink, by its name. */
export interface NamedFile {
  readonly stem: FileStem;
  readonly name: string;
  readonly epoch: string;
  readonly first: number;
  /** Absent while it is written. */
  readonly last?: number;
}

/** Enough for every position that a number holds exactly (2^53 has 16 digits). */
const positionDigits = 16;
const pattern = /^(audit|heads)-([A-Za-z0-9]+)-(\d{16})(?:-(\d{16})\.jsonl|\.jsonl\.open)$/;

const padded = (position: number): string => String(position).padStart(positionDigits, "0");

/** Name of the file that is written to. Whoever collects files takes those that end in `.jsonl`. */
export function openName(epoch: string, first: number, stem: FileStem = "audit"): string {
  return `${stem}-${epoch}-${padded(first)}.jsonl.open`;
}

/** Name of a file that is complete. */
export function closedName(epoch: string, first: number, last: number, stem: FileStem = "audit"): string {
  return `${stem}-${epoch}-${padded(first)}-${padded(last)}.jsonl`;
}

/** Reads a name; undefined for a file that is not the sink's. */
export function readName(name: string): NamedFile | undefined {
  const [, stem, epoch, first, last] = pattern.exec(name) ?? [];
  return epoch === undefined
    ? undefined
    : {
        name,
        stem: stem as FileStem,
        epoch,
        first: Number(first),
        ...(last === undefined ? {} : { last: Number(last) }),
      };
}
