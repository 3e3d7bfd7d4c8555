import { styleText } from "node:util";
import type { UserError } from "#lib/errors.ts";
import { formatTable } from "./table.ts";

/** What commands say. Results go to standard output, everything else to standard error, as with kubectl and aws. */
export interface Output {
  readonly format: "text" | "json";
  /** The result: rows for people, the same values as JSON for machines. */
  result(value: unknown, text: () => string): void;
  /** A result of rows. `columns` names the properties to show and their headings. */
  rows<T extends object>(items: readonly T[], columns: Columns<T>, empty: string): void;
  /** One of many results that arrive over time: a line of text, or of JSON. */
  line(value: unknown, text: () => string): void;
  /** Progress and advice; silent in JSON mode, where only results count. */
  note(text: string): void;
  /** An event that people read as `[TAG] text` and machines as a JSON line on standard output. */
  event(tag: string, text: string, value: Readonly<Record<string, unknown>>): void;
  /** An error in its three parts. */
  error(error: UserError): void;
}

export type Columns<T> = readonly (readonly [heading: string, cell: (item: T) => string])[];

/** Writes to the given streams. Colours only where `colours` says that a terminal shows them. */
export function createOutput(options: {
  readonly format: "text" | "json";
  readonly colours: boolean;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}): Output {
  const { format, out, err } = options;
  const json = format === "json";
  const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
    options.colours ? styleText(style, text, { validateStream: false }) : text;
  return {
    format,
    result: (value, text) => out(json ? `${JSON.stringify(value, null, 2)}\n` : `${text()}\n`),
    rows(items, columns, empty) {
      if (json) {
        out(`${JSON.stringify({ items }, null, 2)}\n`);
      } else if (items.length === 0) {
        err(`${empty}\n`);
      } else {
        out(
          `${formatTable(
            columns.map(([heading]) => heading),
            items.map((item) => columns.map(([, cell]) => cell(item))),
          )}\n`,
        );
      }
    },
    line: (value, text) => out(json ? `${JSON.stringify(value)}\n` : `${text()}\n`),
    note(text) {
      if (!json) {
        err(`${paint("cyan", "[i]")} ${text}\n`);
      }
    },
    event(tag, text, value) {
      if (json) {
        out(`${JSON.stringify({ event: tag, ...value })}\n`);
      } else {
        err(`${paint("green", `[${tag}]`)} ${text}\n`);
      }
    },
    error(error) {
      if (json) {
        const body = { code: error.code, message: error.message, why: error.why, next: error.next };
        err(`${JSON.stringify({ error: body })}\n`);
        return;
      }
      err(`${paint("red", "[✘]")} ${error.message}\n`);
      if (error.why !== "") {
        err(`    why:  ${error.why}\n`);
      }
      if (error.next !== "") {
        err(`    next: ${error.next}\n`);
      }
    },
  };
}
