import { open, readFile, rename } from "node:fs/promises";
import path from "node:path";
import { syncDirectory } from "#audit/sinks/file-cursors.ts";
import { UserError } from "#lib/errors.ts";
import type { Pages } from "./book.ts";

/** Pages in one small JSON file, which is replaced as a whole: a crash leaves the one before or the new one. */
export class FilePages implements Pages {
  readonly #file: string;
  readonly #pages: Map<string, unknown>;
  #writing: Promise<void> = Promise.resolve();

  /** Opens `file`, which need not be there; its directory must be. Throws `UserError` `SlackUnreadable` for one that is no such file. */
  static async open(file: string): Promise<FilePages> {
    return new FilePages(file, await load(file));
  }

  private constructor(file: string, pages: Map<string, unknown>) {
    this.#file = file;
    this.#pages = pages;
  }

  read(name: string): Promise<unknown> {
    return Promise.resolve(this.#pages.get(name));
  }

  list(prefix: string): Promise<readonly (readonly [name: string, value: unknown])[]> {
    return Promise.resolve([...this.#pages].filter(([name]) => name.startsWith(prefix)));
  }

  async write(name: string, value: unknown): Promise<void> {
    const write = async (): Promise<void> => {
      const next = new Map(this.#pages);
      put(next, name, value);
      await save(this.#file, next);
      // Read by others only once it is durable.
      put(this.#pages, name, value);
    };
    const written = this.#writing.then(write);
    this.#writing = written.catch(() => {});
    await written;
  }
}

function put(pages: Map<string, unknown>, name: string, value: unknown): void {
  if (value === undefined) {
    pages.delete(name);
  } else {
    pages.set(name, value);
  }
}

async function save(file: string, pages: ReadonlyMap<string, unknown>): Promise<void> {
  const staging = `${file}.new`;
  const handle = await open(staging, "w", 0o600);
  try {
    await handle.writeFile(`${JSON.stringify({ pages: Object.fromEntries(pages) })}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(staging, file);
  await syncDirectory(path.dirname(file));
}

async function load(file: string): Promise<Map<string, unknown>> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return new Map();
    }
    throw error;
  }
  try {
    const { pages } = JSON.parse(text) as { readonly pages: Readonly<Record<string, unknown>> };
    return new Map(Object.entries(pages));
  } catch (error) {
    throw new UserError("SlackUnreadable", `${file} does not say who is who in Slack`, {
      why: "It is written as a whole and never edited; something else has changed it.",
      next: "Bring it back from a backup, or remove it: people then link their Slack accounts again.",
      cause: error,
    });
  }
}
