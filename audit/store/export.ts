import type { Flag, RawRecord } from "./types.ts";

/** Everything of an export line but the record. */
interface LineHead {
  readonly storeSeq: number;
  readonly receivedTime: string;
  readonly proxy: string;
  readonly task: string;
  readonly flag?: Flag;
}

const recordMember = ',"record":';
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * One line of an export: a JSON object whose last member is the record, byte for byte as its hash was made; bytes that
 * could not stand there (no JSON, or more than one line) are in `base64` instead. No line end.
 */
export function exportLine(raw: RawRecord): string {
  const { storeSeq, receivedTime, proxy, task, flag } = raw;
  const head: LineHead = { storeSeq, receivedTime, proxy, task, ...(flag === undefined ? {} : { flag }) };
  const start = JSON.stringify(head).slice(0, -1);
  const text = embeddable(raw.bytes);
  return text === undefined
    ? `${start},"base64":"${Buffer.from(raw.bytes).toString("base64")}"}`
    : `${start}${recordMember}${text}}`;
}

/** Reads a line back. Throws when it is not one. */
export function parseExportLine(line: string): RawRecord {
  const value: unknown = JSON.parse(line);
  if (typeof value !== "object" || value === null || !("storeSeq" in value)) {
    throw new Error("the line is not part of an audit export");
  }
  const { storeSeq, receivedTime, proxy, task, flag, base64 } = value as LineHead & { readonly base64?: string };
  // The head's strings cannot hold the member's name: JSON escapes their quotes.
  const recordAt = line.indexOf(recordMember);
  const bytes =
    base64 === undefined
      ? Buffer.from(line.slice(recordAt + recordMember.length, line.lastIndexOf("}")), "utf8")
      : Buffer.from(base64, "base64");
  return { storeSeq, receivedTime, proxy, task, ...(flag === undefined ? {} : { flag }), bytes };
}

function embeddable(bytes: Uint8Array): string | undefined {
  try {
    const text = decoder.decode(bytes);
    JSON.parse(text);
    return /[\n\r]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
