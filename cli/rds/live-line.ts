import { printable } from "#audit/text.ts";
import type { CancelTimer } from "#lib/clock.ts";
import type { World } from "../command.ts";
import { formatDuration } from "../output/duration.ts";
import type { Output } from "../output/output.ts";

/** One line at the bottom of a terminal that is drawn again as time goes by. Nothing of it is seen where there is no terminal. */
export interface LiveLine {
  /** Shows the text with the time since it was shown first. */
  show(text: string): void;
  clear(): void;
}

/** Seconds are worth a look at first; later nobody watches them, and the machine is left alone. */
const tickMs = 1_000;
const tickSlowlyMs = 10_000;
const tickSlowlyAfterMs = 60_000;
/** ECMA-48: to the first column, and erase to the end of the line. */
const eraseLine = "\r\u001b[K";
/** Where the terminal does not say how wide it is. */
const widthDefault = 80;

/** For places without a terminal, and for programs. */
export const noLine: LiveLine = { show() {}, clear() {} };

/** A line on the terminal, and the output that leaves room for it. Lines of output appear above it. */
export function createLiveLine(world: World): { readonly line: LiveLine; readonly output: Output } {
  if (!world.interactive || world.output.format === "json") {
    return { line: noLine, output: world.output };
  }
  const line = new TerminalLine(world);
  const above = (tell: () => void): void => {
    line.erase();
    tell();
    line.draw();
  };
  const { output } = world;
  return {
    line,
    output: {
      ...output,
      result: (value, text) => above(() => output.result(value, text)),
      line: (value, text) => above(() => output.line(value, text)),
      note: (text) => above(() => output.note(text)),
      event: (tag, text, value) => above(() => output.event(tag, text, value)),
      error: (error) => above(() => output.error(error)),
    },
  };
}

class TerminalLine implements LiveLine {
  readonly #world: World;
  #text = "";
  #sinceMs = 0;
  #cancelTick: CancelTimer = () => {};

  constructor(world: World) {
    this.#world = world;
  }

  show(text: string): void {
    if (this.#text === "") {
      this.#sinceMs = this.#world.clock.monotonicMs();
    }
    this.#text = printable(text);
    this.#tick();
  }

  clear(): void {
    this.#cancelTick();
    this.erase();
    this.#text = "";
  }

  erase(): void {
    if (this.#text !== "") {
      this.#world.terminal.output.write(eraseLine);
    }
  }

  draw(): void {
    if (this.#text === "") {
      return;
    }
    const { output } = this.#world.terminal;
    const { columns = widthDefault } = output as { columns?: number };
    const elapsed = formatDuration((this.#world.clock.monotonicMs() - this.#sinceMs) / 1_000);
    const whole = `${this.#text}... [${elapsed} elapsed]`;
    // A line that wraps could not be taken back.
    output.write(`${eraseLine}${whole.length < columns ? whole : `${whole.slice(0, columns - 2)}…`}`);
  }

  #tick(): void {
    this.draw();
    const isLong = this.#world.clock.monotonicMs() - this.#sinceMs > tickSlowlyAfterMs;
    this.#cancelTick();
    this.#cancelTick = this.#world.clock.after(isLong ? tickSlowlyMs : tickMs, () => this.#tick());
  }
}
