/** "All Identity Center admin APIs share 20 TPS" (IAM Identity Center quotas). */
const perSecond = 20;
/** Calls that a busy machine may bunch together on their way; a sender that ignores the rate is far beyond it in a second. */
const bunchedMax = 10;

/** Says whether calls keep to the rate: a bucket of one second's worth that refills steadily, as AWS's. */
export class CallRate {
  readonly perSecond = perSecond;
  #tokens = perSecond + bunchedMax;
  #filledMs = -Infinity;

  /** Takes one call at `nowMs`; false where there was no room for it. */
  take(nowMs: number): boolean {
    const refill = ((nowMs - this.#filledMs) / 1_000) * perSecond;
    this.#tokens = Math.min(perSecond + bunchedMax, this.#tokens + refill);
    this.#filledMs = nowMs;
    this.#tokens -= 1;
    return this.#tokens >= 0;
  }
}
