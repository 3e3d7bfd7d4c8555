import type { Clock } from "#lib/clock.ts";

/** Reads that many ask for at about the same time and that one call can answer. */
export interface SharedReads {
  /**
   * What `read` gave for this key, if that began at most `maxAgeMs` ago; else reads again. Who asks while a read is under way
   * gets the same. A read that fails is given to all who waited for it, and forgotten.
   */
  read<T>(key: string, maxAgeMs: number, read: () => Promise<T>): Promise<T>;
}

interface Entry {
  readonly beganMs: number;
  readonly answer: Promise<unknown>;
}

/** Keys are accounts, people and groups. Those that nobody has asked for in this long are forgotten, in milliseconds. */
const keptMs = 600_000;

/** Starts with nothing known. */
export function createSharedReads(clock: Clock): SharedReads {
  const entries = new Map<string, Entry>();
  return {
    read<T>(key: string, maxAgeMs: number, read: () => Promise<T>): Promise<T> {
      const nowMs = clock.monotonicMs();
      const known = entries.get(key);
      if (known !== undefined && known.beganMs + maxAgeMs >= nowMs) {
        return known.answer as Promise<T>;
      }
      const answer = read();
      const entry: Entry = { beganMs: nowMs, answer };
      // Taken out and put in again: the oldest are always first.
      entries.delete(key);
      entries.set(key, entry);
      for (const [other, { beganMs }] of entries) {
        if (beganMs + keptMs > nowMs) {
          break;
        }
        entries.delete(other);
      }
      void answer.catch(() => {
        if (entries.get(key) === entry) {
          entries.delete(key);
        }
      });
      return answer;
    },
  };
}
