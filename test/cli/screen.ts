const escape = "\u001b";

/** A row of the screen, and whether the next one goes on with it because it was full. */
interface Row {
  cells: string;
  wraps: boolean;
}

/**
 * The part of a terminal that commands use: text, line ends, colours, and erasing (ECMA-48; xterm's documentation, "Control Sequences"). What
 * it does not know fails, so that no test believes a screen that nobody has. Rows never scroll away. Each character takes one cell.
 */
export class Screen {
  #rows: Row[] = [{ cells: "", wraps: false }];
  #row = 0;
  #column = 0;
  #columns: number;
  #pending = "";

  constructor(columns: number) {
    this.#columns = columns;
  }

  write(text: string): void {
    let rest = this.#pending + text;
    while (rest !== "") {
      if (!rest.startsWith(escape)) {
        const character = String.fromCodePoint(rest.codePointAt(0) ?? 0);
        this.#put(character);
        rest = rest.slice(character.length);
        continue;
      }
      const [sequence] = /^\[[?\d;]*[A-Za-z]/.exec(rest.slice(1)) ?? [];
      if (sequence === undefined && /^(?:\[[?\d;]*)?$/.test(rest.slice(1))) {
        // The rest of it has not come.
        break;
      }
      this.#obey(sequence ?? rest);
      rest = rest.slice(1 + (sequence ?? rest).length);
    }
    this.#pending = rest;
  }

  /** Rows of a line that was too long for one are joined and divided anew, as most terminals do. */
  resize(columns: number): void {
    const before = this.#rows;
    const [row, column] = [this.#row, this.#column];
    this.#columns = columns;
    this.#rows = [];
    for (let first = 0; first < before.length;) {
      let last = first;
      while (before[last]?.wraps === true) {
        last += 1;
      }
      const line = before.slice(first, last + 1);
      if (first <= row && row <= last) {
        const at = before.slice(first, row).reduce((sum, { cells }) => sum + cells.length, column);
        this.#row = this.#rows.length + Math.floor(at / columns);
        this.#column = at % columns;
      }
      const cells = line.map((one) => one.cells).join("");
      for (let from = 0; from === 0 || from < cells.length; from += columns) {
        this.#rows.push({ cells: cells.slice(from, from + columns), wraps: from + columns < cells.length });
      }
      first = last + 1;
    }
  }

  text(): string {
    return this.#rows.map(({ cells }) => cells.trimEnd()).join("\n");
  }

  #put(character: string): void {
    switch (character) {
      case "\r":
        this.#column = 0;
        return;
      case "\n":
        this.#row += 1;
        this.#at();
        return;
      case "\b":
        this.#column = Math.max(0, this.#column - 1);
        return;
      default:
    }
    if (character < " ") {
      throw new Error(`a control character that this screen does not know: ${JSON.stringify(character)}`);
    }
    if (this.#column >= this.#columns) {
      this.#at().wraps = true;
      this.#row += 1;
      this.#column = 0;
    }
    const row = this.#at();
    const cells = row.cells.padEnd(this.#column);
    row.cells = cells.slice(0, this.#column) + character + cells.slice(this.#column + 1);
    this.#column += 1;
  }

  #obey(sequence: string): void {
    const count = Number(/\d+/.exec(sequence)?.[0] ?? 1);
    const row = this.#at();
    switch (sequence.at(-1)) {
      case "m":
      case "h":
      case "l":
        return;
      case "A":
        this.#row = Math.max(0, this.#row - count);
        return;
      case "B":
        this.#row += count;
        this.#at();
        return;
      case "C":
        this.#column = Math.min(this.#columns - 1, this.#column + count);
        return;
      case "D":
        this.#column = Math.max(0, this.#column - count);
        return;
      case "G":
        this.#column = count - 1;
        return;
      case "K":
        row.cells = sequence === "[2K" ? "" : row.cells.slice(0, this.#column);
        row.wraps = false;
        return;
      case "J":
        row.cells = row.cells.slice(0, this.#column);
        row.wraps = false;
        this.#rows.length = this.#row + 1;
        return;
      default:
        throw new Error(`a control sequence that this screen does not know: ${JSON.stringify(sequence)}`);
    }
  }

  #at(): Row {
    while (this.#rows.length <= this.#row) {
      this.#rows.push({ cells: "", wraps: false });
    }
    return this.#rows[this.#row] as Row;
  }
}
