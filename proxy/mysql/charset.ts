/**
 * Character sets by the names that MySQL and MariaDB give them. Only those matter whose bytes are not UTF-8: what a client sends in
 * them is kept as bytes, and bound values are turned into UTF-8 where the set is known.
 */
const labels: Readonly<Record<string, string>> = {
  latin1: "windows-1252",
  latin2: "iso-8859-2",
  latin5: "windows-1254",
  latin7: "iso-8859-13",
  cp1250: "windows-1250",
  cp1251: "windows-1251",
  cp1256: "windows-1256",
  cp1257: "windows-1257",
  cp866: "ibm866",
  koi8r: "koi8-r",
  koi8u: "koi8-u",
  greek: "iso-8859-7",
  hebrew: "iso-8859-8",
  tis620: "windows-874",
  gbk: "gbk",
  gb2312: "gbk",
  gb18030: "gb18030",
  big5: "big5",
  sjis: "shift_jis",
  cp932: "shift_jis",
  ujis: "euc-jp",
  eucjpms: "euc-jp",
  euckr: "euc-kr",
};

/** Sets whose bytes are read as UTF-8: `binary` and `ascii` are where they are valid. */
const plain: ReadonlySet<string> = new Set(["utf8", "utf8mb3", "utf8mb4", "ascii", "binary"]);

/** Collation numbers of a login and the sets that they belong to (information_schema.COLLATIONS). Every number from 255 on is utf8mb4. */
const collations: readonly (readonly [charset: string, ...ids: number[]])[] = [
  ["utf8mb3", 33, 76, 83],
  ["utf8mb4", 45, 46],
  ["latin1", 5, 8, 15, 31, 47, 48, 49, 94],
  ["ascii", 11, 65],
  ["binary", 63],
  ["latin2", 2, 9, 21, 27, 77],
  ["latin5", 30, 78],
  ["latin7", 20, 41, 42, 79],
  ["cp1250", 26, 34, 44, 66, 99],
  ["cp1251", 14, 23, 50, 51, 52],
  ["cp1256", 57, 67],
  ["cp1257", 29, 58, 59],
  ["cp866", 36, 68],
  ["koi8r", 7, 74],
  ["koi8u", 22, 75],
  ["greek", 25, 70],
  ["hebrew", 16, 71],
  ["tis620", 18, 89],
  ["gbk", 28, 87],
  ["gb2312", 24, 86],
  ["gb18030", 248, 249, 250],
  ["big5", 1, 84],
  ["sjis", 13, 88],
  ["cp932", 95, 96],
  ["ujis", 12, 91],
  ["eucjpms", 97, 98],
  ["euckr", 19, 85],
];
const charsetOf = new Map(collations.flatMap(([charset, ...ids]) => ids.map((id) => [id, charset] as const)));

/** The character set of a login's collation number; `unknown` for one that is not listed. */
export function charsetOfCollation(id: number): string {
  if (id >= 255 || (id >= 224 && id <= 247)) {
    return "utf8mb4";
  }
  return id >= 192 && id <= 223 ? "utf8mb3" : (charsetOf.get(id) ?? "unknown");
}

/** Whether text in it is kept as it is, being UTF-8 or readable as such. */
export function isPlain(charset: string): boolean {
  return plain.has(charset);
}

/** Each is made once: they are slow to make. */
const decoders = new Map<string, InstanceType<typeof TextDecoder>>();

/** A client's text as UTF-8. Where set or bytes are not known, the bytes themselves. */
export function toUTF8(bytes: Buffer, charset: string): Buffer {
  const label = labels[charset];
  if (label === undefined) {
    return bytes;
  }
  const decoder = decoders.get(label) ?? new TextDecoder(label, { fatal: true });
  decoders.set(label, decoder);
  try {
    return Buffer.from(decoder.decode(bytes), "utf8");
  } catch {
    return bytes;
  }
}
