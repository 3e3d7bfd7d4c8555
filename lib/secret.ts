import { inspect } from "node:util";

const shown = "[redacted]";

/**
 * Holds a password, token or presigned value. Printing it in any way (string, JSON, inspect, template) shows `[redacted]`;
 * only `reveal` gives the value, and it is called only where the value is sent to the party it is meant for.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return shown;
  }

  toJSON(): string {
    return shown;
  }

  [Symbol.toPrimitive](): string {
    return shown;
  }

  [inspect.custom](): string {
    return shown;
  }
}
