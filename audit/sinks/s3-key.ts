import type { EpochMs } from "#lib/clock.ts";

/** What the name of an object is made of. */
export interface KeyParts {
  readonly prefix: string;
  readonly installation: string;
  readonly epoch: string;
  /** When the store took the first record of the batch. */
  readonly receivedMs: EpochMs;
  readonly first: number;
  readonly last: number;
}

/** Partitioned by day and hour; within one, names sort as positions do. */
export const keyTemplateDefault = "{prefix}{installation}/{year}/{month}/{day}/{hour}/{epoch}-{first}-{last}.jsonl.gz";

/** Enough for every position that a number holds exactly (2^53 has 16 digits). */
const positionDigits = 16;

const placeholder = /\{(\w+)\}/g;
const known = ["prefix", "installation", "epoch", "year", "month", "day", "hour", "minute", "first", "last"];
/** Without them two batches could have one name. */
const needed = ["epoch", "first", "last"];

/** What is wrong with a template, a phrase; undefined where nothing is. */
export function templateProblem(template: string): string | undefined {
  const names = [...template.matchAll(placeholder)].map(([, name = ""]) => name);
  const foreign = names.find((name) => !known.includes(name));
  if (foreign !== undefined) {
    return `{${foreign}} is not among ${known.map((name) => `{${name}}`).join(", ")}`;
  }
  const missing = needed.find((name) => !names.includes(name));
  return missing === undefined ? undefined : `{${missing}} is missing, and two batches could have the same name`;
}

/** The key of a batch. The same batch has the same key whenever it is delivered; two batches never share one. */
export function objectKey(template: string, parts: KeyParts): string {
  const time = new Date(parts.receivedMs).toISOString();
  const values: Readonly<Record<string, string>> = {
    prefix: parts.prefix === "" ? "" : `${parts.prefix}/`,
    installation: parts.installation,
    epoch: parts.epoch,
    year: time.slice(0, 4),
    month: time.slice(5, 7),
    day: time.slice(8, 10),
    hour: time.slice(11, 13),
    minute: time.slice(14, 16),
    first: String(parts.first).padStart(positionDigits, "0"),
    last: String(parts.last).padStart(positionDigits, "0"),
  };
  return template.replaceAll(placeholder, (_, name: string) => values[name] ?? "");
}
