/** Lets tests and tools wait for a state instead of for a time. */
export interface Watch {
  /** Something may have changed: everyone who waits looks again. */
  notify(): void;
  /** Resolves with what `look` gives as soon as that is not undefined; it is asked now and after each change. */
  until<T>(look: () => T | undefined): Promise<T>;
}

/** Starts without anybody waiting. */
export function createWatch(): Watch {
  const waiting = new Set<() => void>();
  return {
    notify() {
      for (const lookAgain of waiting) {
        lookAgain();
      }
    },
    until<T>(look: () => T | undefined): Promise<T> {
      return new Promise((resolve, reject) => {
        const lookAgain = (): void => {
          try {
            const found = look();
            if (found !== undefined) {
              waiting.delete(lookAgain);
              resolve(found);
            }
          } catch (error) {
            waiting.delete(lookAgain);
            reject(error as Error);
          }
        };
        waiting.add(lookAgain);
        lookAgain();
      });
    },
  };
}
