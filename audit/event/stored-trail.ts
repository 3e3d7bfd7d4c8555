import type { Clock } from "#lib/clock.ts";
import { ChainLinker, type ChainState } from "../chain.ts";
import type { EventQuery, IngestResult, PageOf, StoredEvent, TaskHead } from "../store/types.ts";
import { controllerOrigin, eventBody } from "./event-record.ts";
import { eventIdentity, onceEvents } from "./once.ts";
import type { NewTrailEvent, Trail } from "./trail.ts";

/** What the trail needs of a store. */
export interface EventStore {
  /** With no records it says where the task's chain stands, after everything that was given before, answered or not. */
  ingest(proxy: string, task: string, records: readonly Uint8Array[]): Promise<IngestResult>;
  /** What is stored of a grant, of every replica. */
  events(query: EventQuery): Promise<PageOf<StoredEvent>>;
}

export interface StoredTrailOptions {
  readonly store: EventStore;
  readonly installation: string;
  /** Name of this replica: of one process at a time, or two would write one chain. */
  readonly replica: string;
  readonly clock: Clock;
  /** Hears where the chain stands after each batch, to sign it; an event counts as kept when this has settled. Never rejects. */
  readonly onStored: (head: TaskHead) => Promise<void> | void;
}

/**
 * Most events of one batch. A process that ends loses none that was promised; the limit only keeps one message to the store small: an
 * event has about a kilobyte.
 */
export const eventBatchMax = 500;

/**
 * How long somebody waits for an event to be kept, in milliseconds: a store that neither answers nor refuses must not hold up what waits,
 * such as a Grant that is to end while its extension is put on record.
 */
export const recordWaitMs = 10_000;

interface Waiting {
  readonly event: NewTrailEvent;
  readonly settled: PromiseWithResolvers<void>;
}

/**
 * The controller's own records: a chain like those of proxy tasks, in the same store. What comes while a batch is being stored makes the
 * next batch. After a failure the chain goes on where the store says that it ends, so an event whose storing failed half-way is there or
 * not, and never breaks the chain. An event that is kept already is not kept again (`eventIdentity`), whoever wrote it.
 */
export class StoredTrail implements Trail {
  readonly #options: StoredTrailOptions;
  readonly #proxy: string;
  #waiting: Waiting[] = [];
  #isWorking = false;
  #working: Promise<void> = Promise.resolve();
  /** Undefined: it has to be read from the store. */
  #state: ChainState | undefined;

  constructor(options: StoredTrailOptions) {
    this.#options = options;
    this.#proxy = controllerOrigin(options.installation);
  }

  async record(event: NewTrailEvent): Promise<void> {
    const settled = Promise.withResolvers<void>();
    const waiting = { event, settled };
    this.#waiting.push(waiting);
    if (!this.#isWorking) {
      this.#isWorking = true;
      this.#working = this.#work();
    }
    // One that is on its way into the store may be kept all the same, as one whose answer was lost.
    const cancel = this.#options.clock.after(recordWaitMs, () => {
      this.#waiting = this.#waiting.filter((other) => other !== waiting);
      settled.reject(new Error("the audit store does not answer"));
    });
    try {
      await settled.promise;
    } finally {
      cancel();
    }
  }

  /** Settles when everything that was given is stored or was refused. */
  async settled(): Promise<void> {
    await this.#working;
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, eventBatchMax);
      try {
        await this.#store(batch.map(({ event }) => event));
        for (const { settled } of batch) {
          settled.resolve();
        }
      } catch (error) {
        this.#state = undefined;
        for (const { settled } of batch) {
          settled.reject(error);
        }
      }
    }
    this.#isWorking = false;
  }

  async #store(events: readonly NewTrailEvent[]): Promise<void> {
    const { store, replica, clock, onStored } = this.#options;
    const linker = new ChainLinker(this.#proxy, replica, this.#state ?? (await this.#lastState()));
    const now = clock.now();
    const fresh = await this.#notKept(events);
    const records = fresh.map((event) => linker.link(eventBody(event), now, linker.seq + 1));
    // Also where all of it is kept already: it may not be signed yet.
    const result = await store.ingest(this.#proxy, replica, records);
    if (result.ackSeq !== linker.seq || result.findings.length > 0) {
      throw new Error(`the controller's own records do not fit the audit store after record ${result.ackSeq}`);
    }
    this.#state = linker.state();
    await onStored(result.head);
  }

  /** Those of the events that are to be kept. Everything that was given before is stored or lost by now, so what is read is all there is. */
  async #notKept(events: readonly NewTrailEvent[]): Promise<NewTrailEvent[]> {
    const known = new Set<string>();
    const once = events.filter((event) => eventIdentity(event) !== undefined);
    for (const grantID of new Set(once.map((event) => event.grantID ?? ""))) {
      for await (const event of this.#eventsOf(grantID)) {
        known.add(eventIdentity(event) ?? "");
      }
    }
    return events.filter((event) => {
      const identity = eventIdentity(event);
      const isKnown = identity !== undefined && known.has(identity);
      known.add(identity ?? "");
      return !isKnown;
    });
  }

  async *#eventsOf(grantID: string): AsyncGenerator<StoredEvent, void, void> {
    for (let after: number | undefined = 0; after !== undefined;) {
      const page: PageOf<StoredEvent> = await this.#options.store.events({ grantID, names: onceEvents, after });
      yield* page.items;
      after = page.next;
    }
  }

  async #lastState(): Promise<ChainState> {
    const { store, replica } = this.#options;
    // Not read as others read: a batch whose answer was lost may still be on its way into the store, and ingest comes after it.
    const { seq, chainSeq, chainHead } = (await store.ingest(this.#proxy, replica, [])).head;
    return { seq, chainSeq, chainHead, sessions: [] };
  }
}
