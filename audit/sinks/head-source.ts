import { pause, type Clock } from "#lib/clock.ts";
import type { HeadReader } from "../head-place.ts";
import type { Cursor } from "./cursor.ts";
import { deliveredHead } from "./delivered-head.ts";
import type { RecordLine } from "./record-line.ts";
import type { SinkItem, SinkSource } from "./sink.ts";
import type { StoreWatch } from "./store-watch.ts";

/** The name under which a sink delivers heads: of its cursor and in metrics. */
export function headsName(sink: string): string {
  return `${sink}#heads`;
}

/** Whether a runner of that name delivers heads. */
export function isHeadsName(name: string): boolean {
  return name.endsWith(headsName(""));
}

export interface HeadSourceOptions {
  readonly heads: HeadReader;
  /** Looks at `heads`. */
  readonly watch: StoreWatch;
  readonly installation: string;
  /** Position of the newest record in the store. */
  readonly newestRecord: () => Promise<number>;
  /** Position up to which the destination has confirmed records; undefined while it is not known. */
  readonly confirmed: () => number | undefined;
  /** How far the destination is with heads, as it was kept. */
  readonly cursor: () => Promise<Cursor | undefined>;
  readonly clock: Clock;
}

/** How often it is looked whether the destination has the records that heads wait for, in milliseconds. */
const lookEveryMs = 1_000;

/**
 * Lines of the head log, by their place in it. None comes before the records that it vouches for: lines up to one that was seen wait until the
 * destination has confirmed every record that was stored when it was seen, since what is signed was stored before.
 */
export function headSource(options: HeadSourceOptions): SinkSource<RecordLine> {
  const { heads, watch, installation, clock } = options;
  const gate = new HeadGate(options);
  return {
    async read(after, limit) {
      const open = await gate.open();
      const lines = open > after ? await heads.read(after, Math.min(limit, open - after)) : [];
      const items = lines.map((text, index) => itemOf(text, after + index + 1, installation));
      const position = items.at(-1)?.position ?? after;
      return { items, position, more: items.length > 0 && position < open };
    },
    wait: (after, signal) =>
      watch.latest() > after ? pause(clock, lookEveryMs, signal).catch(() => {}) : watch.wait(after, signal),
    latest: () => watch.latest(),
    newest: () => heads.newest(),
  };
}

/** Up to which line heads may be delivered. */
class HeadGate {
  readonly #options: HeadSourceOptions;
  /** Undefined until the cursor was read. */
  #open: number | undefined;
  /** Lines that wait for the records that were there when they were seen. */
  #waiting: { readonly lines: number; readonly records: number } | undefined;

  constructor(options: HeadSourceOptions) {
    this.#options = options;
  }

  async open(): Promise<number> {
    const { heads, newestRecord, confirmed, cursor } = this.#options;
    if (this.#open === undefined) {
      // What was let through before may be: its records are there, and a batch that was begun ends where it did.
      const { position = 0, pendingUpTo = 0 } = (await cursor()) ?? {};
      this.#open = Math.max(position, pendingUpTo);
    }
    for (;;) {
      if (this.#waiting === undefined) {
        const lines = await heads.newest();
        if (lines <= this.#open) {
          return this.#open;
        }
        // In this order: a record that one of these lines vouches for is not newer than what is newest now.
        this.#waiting = { lines, records: await newestRecord() };
      }
      if ((confirmed() ?? -1) < this.#waiting.records) {
        return this.#open;
      }
      this.#open = this.#waiting.lines;
      this.#waiting = undefined;
    }
  }
}

function itemOf(text: string, position: number, installation: string): SinkItem<RecordLine> {
  const value = deliveredHead(text, position, installation);
  return { position, id: value.id, receivedMs: value.timeMs, bytes: Buffer.byteLength(value.line), value };
}
