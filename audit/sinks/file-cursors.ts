import { open, readFile, rename } from "node:fs/promises";
import path from "node:path";
import { UserError } from "#lib/errors.ts";
import type { Cursor, CursorStore } from "./cursor.ts";

/** Cursors of all sinks in one small JSON file, which is replaced as a whole: a crash leaves the one before or the new one. */
export class FileCursors implements CursorStore {
  readonly #file: string;
  #cursors: Readonly<Record<string, Cursor>>;
  /** Writes follow each other; each holds what all sinks have said by then. */
  #writing: Promise<void> = Promise.resolve();

  /** Opens `file`, which need not be there; its directory must be. Throws `UserError` `CursorsUnreadable` for one that is no such file. */
  static async open(file: string): Promise<FileCursors> {
    return new FileCursors(file, await load(file));
  }

  private constructor(file: string, cursors: Readonly<Record<string, Cursor>>) {
    this.#file = file;
    this.#cursors = cursors;
  }

  /** Names of all sinks that it knows. */
  sinks(): string[] {
    return Object.keys(this.#cursors);
  }

  read(sink: string): Promise<Cursor | undefined> {
    return Promise.resolve(this.#cursors[sink]);
  }

  async write(sink: string, cursor: Cursor): Promise<void> {
    this.#cursors = { ...this.#cursors, [sink]: cursor };
    const written = this.#writing.then(() => this.#save());
    this.#writing = written.catch(() => {});
    await written;
  }

  async #save(): Promise<void> {
    const staging = `${this.#file}.new`;
    const file = await open(staging, "w", 0o600);
    try {
      await file.writeFile(`${JSON.stringify({ sinks: this.#cursors }, undefined, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(staging, this.#file);
    await syncDirectory(path.dirname(this.#file));
  }
}

/** Makes a new name in a directory survive a crash of the machine. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function load(file: string): Promise<Readonly<Record<string, Cursor>>> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return {};
    }
    throw error;
  }
  const sinks = sinksIn(text);
  if (sinks === undefined) {
    throw new UserError("CursorsUnreadable", `${file} does not say how far the audit sinks are`, {
      why: "It is written as a whole and never edited; something else has changed it.",
      next: "Bring it back from a backup, or remove it: everything is then delivered again from the beginning.",
    });
  }
  return sinks;
}

function sinksIn(text: string): Readonly<Record<string, Cursor>> | undefined {
  try {
    const { sinks } = JSON.parse(text) as { readonly sinks?: Readonly<Record<string, Partial<Cursor>>> };
    const isWhole = Object.values(sinks ?? { none: {} }).every(
      ({ position, epoch }) => Number.isSafeInteger(position) && typeof epoch === "string",
    );
    return isWhole ? (sinks as Readonly<Record<string, Cursor>>) : undefined;
  } catch {
    return undefined;
  }
}
