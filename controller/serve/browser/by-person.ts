/** Which digests are whose, the oldest first: finding a person's own costs the same however many others have. */
export class ByPerson {
  readonly #own = new Map<string, Set<string>>();

  add(userID: string, digest: string): void {
    const own = this.#own.get(userID) ?? new Set();
    own.delete(digest);
    own.add(digest);
    this.#own.set(userID, own);
  }

  delete(userID: string, digest: string): void {
    const own = this.#own.get(userID);
    own?.delete(digest);
    if (own?.size === 0) {
      this.#own.delete(userID);
    }
  }

  /** The oldest of a person's, if they have `most` or more. */
  oldestBeyond(userID: string, most: number): string | undefined {
    const own = this.#own.get(userID);
    return own !== undefined && own.size >= most ? own.values().next().value : undefined;
  }
}
