/**
 * Runs cancel requests of one session so that they cannot flood the database: each is a connection of its own to the server. One is on
 * its way and one waits for it; whoever asks meanwhile shares the one that waits, which begins after all of them asked.
 */
export class Cancels {
  #running: Promise<void> | undefined;
  #waiting: Promise<void> | undefined;

  /** Rejects as `request` does. */
  ask(request: () => Promise<void>): Promise<void> {
    if (this.#running === undefined) {
      return this.#start(request);
    }
    this.#waiting ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#waiting = undefined;
        return this.#start(request);
      });
    return this.#waiting;
  }

  #start(request: () => Promise<void>): Promise<void> {
    const running = request().finally(() => {
      this.#running = undefined;
    });
    this.#running = running;
    return running;
  }
}
