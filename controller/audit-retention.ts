import { hourOf, silenceMaxHours, steadyHours } from "#audit/clock-trust.ts";
import { ClockDoubted, removeOld } from "#audit/retention.ts";
import type { Clock } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import type { RetentionHold } from "./audit-retention-hold.ts";
import type { AuditKeeping } from "./serve/audit-trail.ts";

/** How often it is looked whether records are too old, in milliseconds: they go by whole days, or weeks. */
export const retentionPeriodMs = 3_600_000;

/** What the removal of old records works on. */
export interface AuditRetentionOptions {
  readonly audit: Pick<AuditKeeping, "store" | "heads" | "headLines" | "publicKeyPEM" | "positionNeeded">;
  /** How long records are kept. */
  readonly retentionMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Told whether the clock is believed. */
  readonly hold: RetentionHold;
}

/** Removes audit records that are too old, now and then every hour until `stop`. */
export class AuditRetention {
  readonly #options: AuditRetentionOptions;
  /** Hours at which this process looked: that time passed is shown also where nothing is recorded. */
  readonly #looks = new Set<number>();
  #cancel: () => void = () => {};
  #isStopped = false;

  constructor(options: AuditRetentionOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock, log } = this.#options;
    void this.#look()
      .catch((error: unknown) => log.error("old audit records could not be removed", { error: coerceError(error) }))
      .finally(() => {
        if (!this.#isStopped) {
          this.#cancel = clock.after(retentionPeriodMs, () => this.start());
        }
      });
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  async #look(): Promise<void> {
    const { audit, retentionMs, clock, log, hold } = this.#options;
    const now = clock.now();
    this.#looks.add(hourOf(now));
    const [oldest] = this.#looks;
    if (oldest !== undefined && this.#looks.size > steadyHours + silenceMaxHours) {
      this.#looks.delete(oldest);
    }
    try {
      const removed = await removeOld({ ...audit, clock: { now, looks: this.#looks } }, now - retentionMs);
      hold.set(undefined);
      if (removed !== undefined) {
        const { upTo, before, tasks, findings } = removed;
        log.info("old audit records were removed", { upTo, before, tasks });
        for (const finding of findings) {
          log.error("an audit record that was removed did not fit its chain", { ...finding });
        }
      }
    } catch (error) {
      if (!(error instanceof ClockDoubted)) {
        throw error;
      }
      hold.set(error.doubt);
      log.error("no old audit records are removed: the clock may have jumped ahead", { ...error.doubt });
    }
  }
}
