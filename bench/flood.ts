import { encodeMessage } from "#proxy/postgres/encode.ts";

/** What the flood server sends or takes: rows of a query, COPY out, COPY in. */
export const floods = ["rows", "copyOut", "copyIn"] as const;
export type Flood = (typeof floods)[number];

const bodyBytes = 507;
/** A row is 512 bytes: type, length, one column of 501 bytes (or as much copied text). */
const row = encodeMessage(
  0x44,
  Buffer.concat([Buffer.from([0, 1, 0, 0, 0x01, 0xf5]), Buffer.alloc(bodyBytes - 6, 0x2a)]),
);
const copied = encodeMessage(0x64, Buffer.alloc(bodyBytes, 0x2a));
/** Rows that are written at once: 256 KiB. */
const rowsAtOnce = 512;

/** A block of whole messages, which is sent again and again. */
export const floodBlocks: Readonly<Record<Flood, Buffer>> = {
  rows: Buffer.concat(Array.from({ length: rowsAtOnce }, () => row)),
  copyOut: Buffer.concat(Array.from({ length: rowsAtOnce }, () => copied)),
  copyIn: Buffer.concat(Array.from({ length: rowsAtOnce }, () => copied)),
};

/** One column named `a` of type text. Source of the layouts: PostgreSQL documentation, Message Formats. */
const description = encodeMessage(
  0x54,
  Buffer.concat([
    Buffer.from([0, 1, 0x61, 0]),
    Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]),
  ]),
);
/** Text, one column. */
const copyFormat = Buffer.from([0, 0, 1, 0, 0]);
const ready = encodeMessage(0x5a, Buffer.from("I"));
const tag = (text: string): Buffer => encodeMessage(0x43, Buffer.from(`${text}\0`));

/** What a client ends a COPY in with. */
export const copyDone = encodeMessage(0x63);

/** The parts of the flood server's answer around the blocks. For COPY in, `before` asks for data and `after` ends it. */
export function answerOf(flood: Flood, blocks: number): { readonly before: Buffer; readonly after: Buffer } {
  const rows = blocks * rowsAtOnce;
  switch (flood) {
    case "rows":
      return { before: description, after: Buffer.concat([tag(`SELECT ${rows}`), ready]) };
    case "copyOut":
      return {
        before: encodeMessage(0x48, copyFormat),
        after: Buffer.concat([copyDone, tag(`COPY ${rows}`), ready]),
      };
    case "copyIn":
      return { before: encodeMessage(0x47, copyFormat), after: Buffer.concat([tag(`COPY ${rows}`), ready]) };
  }
}

/** The answer to anything else. */
export const emptyAnswer = Buffer.concat([tag("SELECT 0"), ready]);
