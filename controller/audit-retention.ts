import { removeOld } from "#audit/retention.ts";
import type { Clock } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
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
}

/** Removes audit records that are too old, now and then every hour until `stop`. */
export class AuditRetention {
  readonly #options: AuditRetentionOptions;
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
    const { audit, retentionMs, clock, log } = this.#options;
    const removed = await removeOld(audit, clock.now() - retentionMs);
    if (removed !== undefined) {
      const { upTo, before, tasks, findings } = removed;
      log.info("old audit records were removed", { upTo, before, tasks });
      for (const finding of findings) {
        log.error("an audit record that was removed did not fit its chain", { ...finding });
      }
    }
  }
}
