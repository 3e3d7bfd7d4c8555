import { createReadStream } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import path from "node:path";
import { StringDecoder } from "node:string_decoder";
import { createGunzip } from "node:zlib";

/** First bytes of a gzip member (RFC 1952 2.3.1). */
const gzipMagic = Buffer.from([0x1f, 0x8b]);

/**
 * Lines of files, and of all files in directories and below, gzipped or not, whatever their names. A line may be as long as it likes: logs of
 * other programs are whole documents in one. Rejects where a file cannot be read as a whole.
 */
export async function* archiveLines(paths: readonly string[]): AsyncGenerator<string, void, void> {
  for (const file of (await Promise.all(paths.map(filesBelow))).flat()) {
    yield* linesOf(await bytesOf(file));
  }
}

async function filesBelow(name: string): Promise<string[]> {
  if (!(await stat(name)).isDirectory()) {
    return [name];
  }
  const entries = await readdir(name, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .toSorted();
}

async function bytesOf(file: string): Promise<AsyncIterable<Uint8Array>> {
  const handle = await open(file);
  const start = Buffer.alloc(gzipMagic.byteLength);
  try {
    await handle.read(start, 0, start.byteLength, 0);
  } finally {
    await handle.close();
  }
  const bytes = createReadStream(file);
  if (!start.equals(gzipMagic)) {
    return bytes;
  }
  const plain = createGunzip();
  // Whoever reads the plain bytes hears of what failed before.
  bytes.on("error", (error) => plain.destroy(error));
  return bytes.pipe(plain);
}

/** The last line may lack its end: a file that is being written. */
async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, void> {
  const decoder = new StringDecoder("utf8");
  let rest: string[] = [];
  for await (const chunk of bytes) {
    const [first = "", ...others] = decoder.write(Buffer.from(chunk)).split("\n");
    rest.push(first);
    for (const piece of others) {
      yield rest.join("");
      rest = [piece];
    }
  }
  const last = rest.join("");
  if (last !== "") {
    yield last;
  }
}
