import { UserError } from "#lib/errors.ts";

/** The options in a sink's URL. Each is taken once; what nobody has taken is unknown. */
export class URLQuery {
  readonly #url: string;
  readonly #values: URLSearchParams;
  readonly #taken = new Set<string>();

  /** `url` is how messages call the sink: it has no secret in it. */
  constructor(url: string, values: URLSearchParams) {
    this.#url = url;
    this.#values = values;
  }

  /** An option's text; undefined where it is not given. Throws where it is given twice or empty. */
  text(name: string): string | undefined {
    this.#taken.add(name);
    const all = this.#values.getAll(name);
    if (all.length > 1 || all[0] === "") {
      throw this.wrong(`${name} must be given once, with a value`);
    }
    return all[0];
  }

  /** A whole number from `least` to `most`. */
  number(name: string, fallback: number, least: number, most: number): number {
    const text = this.text(name);
    const value = text === undefined ? fallback : Number(/^\d{1,15}$/.test(text) ? text : Number.NaN);
    if (!(value >= least && value <= most)) {
      throw this.wrong(`${name} must be a whole number from ${least} to ${most}, found "${text}"`);
    }
    return value;
  }

  /** One of several words. */
  oneOf<const T extends string>(name: string, words: readonly T[]): T | undefined {
    const text = this.text(name);
    const word = words.find((candidate) => candidate === text);
    if (text !== undefined && word === undefined) {
      throw this.wrong(`${name} must be ${words.join(" or ")}, found "${text}"`);
    }
    return word;
  }

  /** Throws where something is left that nobody has taken: a misspelt `objectLock` must not pass for none. */
  finish(): void {
    const unknown = [...this.#values.keys()].find((name) => !this.#taken.has(name));
    if (unknown !== undefined) {
      throw this.wrong(`it knows no option ${unknown}; there are ${[...this.#taken].toSorted().join(", ")}`);
    }
  }

  wrong(why: string): UserError {
    return new UserError("InvalidSink", `--audit-sink ${this.#url}: ${why}`, {
      next: "docs/sinks.md describes every option.",
    });
  }
}
