/** One part of a line that was too long for its destination. */
interface Part {
  readonly id: string;
  readonly part: number;
  readonly parts: number;
  readonly data: string;
}

/** Parts of one line: a line of 16 MiB in parts of 400 bytes has fewer. */
const partsMax = 100_000;

/** Puts lines together that came in parts, whatever order they come in and however often. */
export class PartJoiner {
  readonly #waiting = new Map<string, Map<number, string>>();

  /** Lines of which something is missing. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** The whole line where this was its last part that was missing. */
  add({ id, part, parts, data }: Part): string | undefined {
    // The same line may have come in parts of another length before.
    const key = `${parts} ${id}`;
    const found = this.#waiting.get(key) ?? new Map<number, string>();
    found.set(part, data);
    if (found.size < parts) {
      this.#waiting.set(key, found);
      return undefined;
    }
    this.#waiting.delete(key);
    return Array.from({ length: parts }, (_, index) => found.get(index) ?? "").join("");
  }
}

/** Whether a value that a candidate holds is a part. */
export function isPart(value: object): value is Part {
  const { id, part, parts, data } = value as Partial<Record<keyof Part, unknown>>;
  return (
    typeof id === "string" &&
    typeof data === "string" &&
    Number.isSafeInteger(part) &&
    Number.isSafeInteger(parts) &&
    Number(part) >= 0 &&
    Number(part) < Number(parts) &&
    Number(parts) <= partsMax
  );
}
