import { printable } from "#audit/text.ts";
import type { CancelTimer } from "#lib/clock.ts";
import type { World } from "../command.ts";
import { formatDuration } from "../output/duration.ts";
import type { Output } from "../output/output.ts";

/** One line at the bottom of a terminal that is drawn again as time goes by. Nothing of it is seen where there is no terminal. */
export interface LiveLine {
  /** Shows what `owner` waits for, with the time since anybody began to wait. */
  show(owner: string, text: string): void;
  /** `owner` waits for nothing any more. */
  clear(owner: string): void;
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
  readonly #texts = new Map<string, string>();
  #sinceMs = 0;
  #cancelTick: CancelTimer = () => {};

  constructor(world: World) {
    this.#world = world;
  }

  show(owner: string, text: string): void {
    if (this.#texts.size === 0) {
      this.#sinceMs = this.#world.clock.monotonicMs();
    }
    this.#texts.set(owner, printable(text));
    this.#tick();
  }

  clear(owner: string): void {
    this.erase();
    this.#texts.delete(owner);
    this.draw();
    if (this.#texts.size === 0) {
      this.#cancelTick();
    }
  }

  erase(): void {
    if (this.#texts.size > 0) {
      this.#world.terminal.output.write(eraseLine);
    }
  }

  draw(): void {
    if (this.#texts.size === 0) {
      return;
    }
    const { output } = this.#world.terminal;
    const { columns = widthDefault } = output as { columns?: number };
    const elapsed = formatDuration((this.#world.clock.monotonicMs() - this.#sinceMs) / 1_000);
    const whole = `${[...this.#texts.values()].join("; ")}... [${elapsed} elapsed]`;
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
