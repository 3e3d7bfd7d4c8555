import { styleText } from "node:util";

/** What the demo prints: steps with their outcome, quoted lines of other processes, and a table at the end. */
export interface Screen {
  title(text: string): void;
  /** Shows that something is going on; replaced by the next line on a terminal. */
  progress(text: string): void;
  done(text: string, seconds: number): void;
  failed(text: string, reason: string): void;
  /** A line of another process, indented under what it belongs to. */
  quote(who: string, line: string): void;
  table(rows: readonly (readonly [what: string, proof: string])[]): void;
  text(text: string): void;
}

/** Prints to standard output; colours and the moving progress line only on a terminal. */
export function createScreen(terminal: boolean): Screen {
  let progressing = false;
  const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
    terminal ? styleText(style, text, { validateStream: false }) : text;
  const line = (text: string): void => {
    if (progressing) {
      process.stdout.write("\r\u001b[2K");
      progressing = false;
    }
    process.stdout.write(`${text}\n`);
  };
  return {
    title: (text) => line(`\n${paint("bold", text)}`),
    progress(text) {
      if (terminal) {
        process.stdout.write(`\r\u001b[2K  ${paint("dim", `… ${text}`)}`);
        progressing = true;
      } else {
        line(`  … ${text}`);
      }
    },
    done: (text, seconds) => line(`  ${paint("green", "✔")} ${text} ${paint("dim", `(${seconds.toFixed(1)} s)`)}`),
    failed: (text, reason) => line(`  ${paint("red", "✘")} ${text}\n      ${reason.replaceAll("\n", "\n      ")}`),
    quote: (who, text) => line(`      ${paint("cyan", `${who} │`)} ${text}`),
    table(rows) {
      const width = Math.max(...rows.map(([what]) => what.length));
      for (const [what, proof] of rows) {
        line(`  ${paint("green", "✔")} ${what.padEnd(width)}  ${paint("dim", proof)}`);
      }
    },
    text: line,
  };
}
