import type { Trail } from "#audit/event/trail.ts";
import type { Grant } from "#kinds/index.ts";
import type { Clock, EpochMs } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import type { Source } from "../source/source.ts";
import { recordedEvents } from "./emit.ts";

/**
 * How far back what is on record is told again, in milliseconds: a Grant lasts a week at most. What is older and not in the trail is not
 * missing for a process that died just then: the trail is another one, or its records were removed for their age.
 */
export const toldAgainMaxMs = 7 * 24 * 3_600_000;
/** Pause before a trail that took nothing is told again, in milliseconds: it is being mended by somebody, and nobody waits for this. */
export const tellAgainMs = 30_000;

export interface TellingOptions {
  readonly source: Pick<Source, "list">;
  readonly trail: Trail;
  /** How long the trail keeps records, in milliseconds; absent: for ever. */
  readonly retentionMs?: number | undefined;
  readonly clock: Clock;
  readonly log: Pick<Log, "error" | "info">;
}

/**
 * Brings the trail up to what is on record of the Grants. The end of access waits for no trail, so a process may end, or the trail may take
 * nothing, just when an end was put on record; what the trail has not heard is told again until it has.
 */
export class Telling {
  readonly #options: TellingOptions;
  #isStopped = false;
  #isWorking = false;
  #isBehind = false;
  #cancel: () => void = () => {};

  constructor(options: TellingOptions) {
    this.#options = options;
  }

  /** Tells of everything that is on record, now and again until the trail has taken it. Settles after the first time, and never rejects. */
  async start(): Promise<void> {
    this.#isBehind = true;
    await this.#work();
  }

  /** The trail has not taken something: it is told again in a while. */
  fellBehind(): void {
    this.#isBehind = true;
    if (!this.#isWorking) {
      this.#workLater();
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  async #work(): Promise<void> {
    const { source, log } = this.#options;
    this.#isWorking = true;
    this.#isBehind = false;
    for (const { object } of source.list("Grant")) {
      if (this.#isStopped || this.#isBehind) {
        break;
      }
      await this.#tell(object).catch((error: unknown) => {
        this.#isBehind = true;
        log.error("the trail could not be told what is on record", { error: coerceError(error) });
      });
    }
    this.#isWorking = false;
    if (this.#isBehind) {
      this.#workLater();
    }
  }

  async #tell(grant: Grant): Promise<void> {
    const { trail } = this.#options;
    await Promise.all(recordedEvents(grant, this.#since()).map((event) => trail.record(event)));
  }

  #workLater(): void {
    this.#cancel();
    if (!this.#isStopped) {
      this.#cancel = this.#options.clock.after(tellAgainMs, () => void this.#work());
    }
  }

  #since(): EpochMs {
    const { clock, retentionMs = Infinity } = this.#options;
    return clock.now() - Math.min(toldAgainMaxMs, retentionMs);
  }
}
