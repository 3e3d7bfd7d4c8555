import pg from "pg";
import { storedChannel } from "./ingest.ts";

/** Pause before a lost connection is made again, in milliseconds. */
const reconnectMs = 1_000;
/**
 * A connection may be gone without a sign. So often a reader looks by itself whether there is something new; each look costs two reads of
 * a few rows.
 */
const lookMs = 5_000;

/** Hears that something was stored, over a connection of its own that comes back by itself. */
export class Listener {
  readonly #config: pg.ClientConfig;
  readonly #onStored: () => void;
  readonly #look: NodeJS.Timeout;
  #client: pg.Client | undefined;
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(config: pg.ClientConfig, onStored: () => void) {
    this.#config = config;
    this.#onStored = onStored;
    this.#look = setInterval(onStored, lookMs);
    this.#look.unref();
    void this.#connect();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#look);
    clearTimeout(this.#retry);
    await this.#client?.end().catch(() => {});
  }

  async #connect(): Promise<void> {
    const client = new pg.Client(this.#config);
    this.#client = client;
    const lost = (): void => {
      if (this.#client === client && !this.#isClosed) {
        this.#client = undefined;
        this.#retry = setTimeout(() => void this.#connect(), reconnectMs);
        this.#retry.unref();
      }
    };
    client.on("error", lost);
    client.on("end", lost);
    client.on("notification", () => this.#onStored());
    try {
      await client.connect();
      await client.query(`LISTEN ${storedChannel}`);
      // What was stored while nobody listened.
      this.#onStored();
    } catch {
      await client.end().catch(() => {});
      lost();
    }
  }
}
