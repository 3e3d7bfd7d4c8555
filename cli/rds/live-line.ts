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
/** ECMA-48: to the first column, and erase to the end of the line; so many rows up, and erase all that follows. */
const eraseLine = "\r\u001b[K";
const eraseRows = (rows: number): string => `\r\u001b[${rows}A\u001b[J`;
/** Left free at the end, so that the `^C` that a terminal echoes makes no second row. */
const freeColumns = 3;
/** Whoever waits wants to see that time passes; below this width there is room for that alone. */
const textColumnsMin = 10;
/** Where the terminal does not say how wide it is. */
const widthDefault = 80;

/** For places without a terminal, and for programs. */
export const noLine: LiveLine = { show() {}, clear() {} };

/**
 * A line on the terminal, and the output that leaves room for it. Lines of output appear above it. A dumb terminal cannot take a line back, so
 * there is none.
 */
export function createLiveLine(world: World): { readonly line: LiveLine; readonly output: Output } {
  if (!world.interactive || world.output.format === "json" || world.environment["TERM"] === "dumb") {
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
  /** Columns that what is drawn takes. */
  #drawn = 0;

  constructor(world: World) {
    this.#world = world;
  }

  show(owner: string, text: string): void {
    if (this.#texts.size === 0) {
      this.#sinceMs = this.#world.clock.monotonicMs();
      this.#world.terminal.output.on("resize", this.#redraw);
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
      this.#world.terminal.output.off("resize", this.#redraw);
    }
  }

  /** A line that has become too long for its window takes several rows there. */
  erase(): void {
    if (this.#drawn > 0) {
      const rows = Math.ceil(this.#drawn / this.#columns) - 1;
      this.#world.terminal.output.write(rows > 0 ? eraseRows(rows) : eraseLine);
      this.#drawn = 0;
    }
  }

  draw(): void {
    const { output, place } = this.#world.terminal;
    // Behind a shell's prompt it would be drawn over what somebody types there.
    if (this.#texts.size === 0 || place?.() === "back") {
      return;
    }
    const isFresh = this.#drawn === 0;
    this.erase();
    const elapsed = formatDuration((this.#world.clock.monotonicMs() - this.#sinceMs) / 1_000);
    const text = [...this.#texts.values()].join("; ");
    const columns = Math.max(1, this.#columns - freeColumns);
    const whole = fit(text, `... [${elapsed} elapsed]`, columns);
    output.write(isFresh ? `${eraseLine}${whole}` : whole);
    this.#drawn = columnsOf(whole);
  }

  get #columns(): number {
    const { columns } = this.#world.terminal.output as { columns?: number };
    return columns === undefined || columns < 1 ? widthDefault : columns;
  }

  readonly #redraw = (): void => {
    this.erase();
    this.draw();
  };

  #tick(): void {
    this.draw();
    const isLong = this.#world.clock.monotonicMs() - this.#sinceMs > tickSlowlyAfterMs;
    this.#cancelTick();
    this.#cancelTick = this.#world.clock.after(isLong ? tickSlowlyMs : tickMs, () => this.#tick());
  }
}

/** The text and its end within so many columns: a line that wraps is not taken back as surely. Of a long text the rest is left out. */
function fit(text: string, end: string, columns: number): string {
  if (columnsOf(text) + columnsOf(end) <= columns) {
    return text + end;
  }
  const short = end.replace("...", "…");
  const room = columns - columnsOf(short);
  return room < textColumnsMin ? `${start(text, columns - 1)}…` : start(text, room) + short;
}

/** As much of the beginning as fits. */
function start(text: string, columns: number): string {
  let taken = "";
  let left = columns;
  for (const character of text) {
    left -= columnsOf(character);
    if (left < 0) {
      break;
    }
    taken += character;
  }
  return taken;
}

/**
 * Columns that a text takes at most. Characters of East Asia and pictures take two (Unicode, UAX #11); all beyond the alphabets are counted so,
 * but for punctuation, arrows and drawing.
 */
function columnsOf(text: string): number {
  const isWide = (code: number): boolean => code >= 0x1100 && !(code >= 0x2000 && code < 0x2600);
  return [...text].reduce((sum, character) => sum + (isWide(character.codePointAt(0) ?? 0) ? 2 : 1), 0);
}
