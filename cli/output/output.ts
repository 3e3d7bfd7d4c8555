import { styleText } from "node:util";
import { printable } from "#audit/text.ts";
import type { UserError } from "#lib/errors.ts";
import { printableJSON } from "#lib/unprintable.ts";
import { formatTable } from "./table.ts";

/**
 * What commands say. Results go to standard output, everything else to standard error, as with kubectl and aws. Text that came from
 * elsewhere (the API, the proxy, AWS) is shown, never obeyed: control characters are escaped.
 */
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
  /** Resolves once standard output takes more. A command with results without end waits for it, so that they do not pile up. */
  drained(): Promise<void>;
}

export type Columns<T> = readonly (readonly [heading: string, cell: (item: T) => string])[];

/** Where an output writes. */
export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether a terminal shows colours. */
  readonly colours: boolean;
  /** Resolves once `out` takes more; absent: it always does. */
  readonly drained?: () => Promise<void>;
}

/** Writes to the given streams, as text or as JSON. */
export function createOutput(format: "text" | "json", streams: Streams): Output {
  return format === "json" ? jsonOutput(streams) : textOutput(streams);
}

function jsonOutput({ out, err, drained }: Streams): Output {
  let hasLines = false;
  const line = (value: unknown): void => {
    hasLines = true;
    out(`${printableJSON(JSON.stringify(value))}\n`);
  };
  // One value is laid out for reading; behind lines it is a line too, so that the whole stays one value a line.
  const whole = (value: unknown): void =>
    hasLines ? line(value) : out(`${printableJSON(JSON.stringify(value, null, 2))}\n`);
  return {
    format: "json",
    result: whole,
    rows: (items) => whole({ items }),
    line,
    note() {},
    event: (tag, _text, value) => line({ event: tag, ...value }),
    error({ code, message, why, next }) {
      err(`${printableJSON(JSON.stringify({ error: { code, message, why, next } }))}\n`);
    },
    drained: drained ?? (async () => {}),
  };
}

function textOutput({ out, err, colours, drained }: Streams): Output {
  const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
    colours ? styleText(style, text, { validateStream: false }) : text;
  const tell = (mark: string, text: string): void => err(`${mark} ${indented(text)}\n`);
  return {
    format: "text",
    result: (_value, text) => out(`${safe(text())}\n`),
    rows(items, columns, empty) {
      if (items.length === 0) {
        err(`${empty}\n`);
        return;
      }
      const headings = columns.map(([heading]) => heading);
      const rows = items.map((item) => columns.map(([, cell]) => printable(cell(item))));
      out(`${formatTable(headings, rows)}\n`);
    },
    line: (_value, text) => out(`${safe(text())}\n`),
    note: (text) => tell(paint("cyan", "[i]"), text),
    event: (tag, text) => tell(paint("green", `[${tag}]`), text),
    error(error) {
      tell(paint("red", "[✘]"), error.message);
      for (const [part, text] of [
        ["why:  ", error.why],
        ["next: ", error.next],
      ] as const) {
        if (text !== "") {
          err(`    ${part}${indented(text)}\n`);
        }
      }
    },
    drained: drained ?? (async () => {}),
  };
}

/** Line ends stay: messages of our own have them. */
function safe(text: string): string {
  return printable(text, { lines: "keep" });
}

/** Behind a mark: what comes on further lines, such as another person's comment, begins none that looks like ours. */
function indented(text: string): string {
  return safe(text).replaceAll(/\n(?=\S)/g, "\n    ");
}
