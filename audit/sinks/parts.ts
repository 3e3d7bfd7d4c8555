import type { RecordLine } from "./record-line.ts";

/** What the members before `data` may take: two numbers of at most eight digits, and the rest as it is. */
const numbersBytes = 16;

/**
 * A line as destinations with a limit take it: itself where it fits into `maxBytes`, else parts, each a JSON object of its own that fits.
 * Their `data`, joined in the order of `part`, is the line. Throws `RangeError` where `maxBytes` has no room for anything.
 */
export function partsOf({ line, id, storeSeq, headLine, kind }: RecordLine, maxBytes: number): string[] {
  // No character is shorter than a byte in UTF-8, and none longer than three for each unit of a string.
  if (line.length * 3 <= maxBytes || Buffer.byteLength(line) <= maxBytes) {
    return [line];
  }
  const head = (part: number | string, parts: number | string): string =>
    `${JSON.stringify({ id, storeSeq, headLine, kind }).slice(0, -1)},"part":${part},"parts":${parts},"data":`;
  const room = maxBytes - Buffer.byteLength(head("", "")) - numbersBytes - 1;
  if (room < 8) {
    throw new RangeError(`${maxBytes} bytes have no room for a part of a record`);
  }
  const pieces: string[] = [];
  for (let start = 0; start < line.length;) {
    const piece = pieceAt(line, start, room);
    pieces.push(JSON.stringify(piece));
    start += piece.length;
  }
  return pieces.map((data, index) => `${head(index, pieces.length)}${data}}`);
}

/** The longest beginning, nearly, whose JSON has at most `room` bytes; never half a character. */
function pieceAt(line: string, start: number, room: number): string {
  let length = Math.min(room, line.length - start);
  for (;;) {
    const last = line.charCodeAt(start + length - 1);
    const isHalf = last >= 0xd800 && last <= 0xdbff && start + length < line.length;
    const piece = line.slice(start, start + length + (isHalf ? 1 : 0));
    const bytes = Buffer.byteLength(JSON.stringify(piece));
    if (bytes <= room) {
      return piece;
    }
    length = Math.max(1, Math.min(length - 1, Math.floor((length * room) / bytes)));
  }
}
