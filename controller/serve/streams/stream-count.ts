import { HttpProblem } from "../route.ts";

/** Counts what is open of one kind of stream, in all and for each person. */
export class StreamCount {
  readonly #limits: StreamLimits;
  readonly #ofPerson = new Map<string, number>();
  #open = 0;

  constructor(limits: StreamLimits) {
    this.#limits = limits;
  }

  /** Takes a place until `signal` aborts. Throws 503 where there is none, and the signal's reason where it has aborted. */
  take(userID: string, signal: AbortSignal): void {
    // Whoever went away meanwhile would never give the place back.
    signal.throwIfAborted();
    const { code, what, most, mostOfPerson } = this.#limits;
    const own = this.#ofPerson.get(userID) ?? 0;
    if (this.#open >= most || own >= mostOfPerson) {
      const why = this.#open >= most ? `${this.#open} are open` : `${own} of yours are open`;
      throw new HttpProblem(503, code, `too many streams of ${what} are open`, {
        why,
        next: "Close one of them, or try again later.",
      });
    }
    this.#open += 1;
    this.#ofPerson.set(userID, own + 1);
    signal.addEventListener(
      "abort",
      () => {
        this.#open -= 1;
        const left = (this.#ofPerson.get(userID) ?? 1) - 1;
        if (left === 0) {
          this.#ofPerson.delete(userID);
        } else {
          this.#ofPerson.set(userID, left);
        }
      },
      { once: true },
    );
  }
}

/** How many streams of a kind there may be. */
export interface StreamLimits {
  /** Code of the refusal, such as `TooManyTails`. */
  readonly code: string;
  /** What they are of, for the message. */
  readonly what: string;
  readonly most: number;
  readonly mostOfPerson: number;
}
