import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { manualClock, type ManualClock } from "#lib/clock.ts";
import { silentLog, type Log } from "#lib/log.ts";
import type { ObjectKey } from "#kinds/index.ts";
import type { SourceHarness } from "../contract.ts";
import type { Manifest } from "../contract-objects.ts";
import { settleMs } from "../absence.ts";
import type { FolderSourceOptions } from "./options.ts";
import { createFolderSource, type FolderSource } from "./source.ts";

/** A folder and a state directory of a test's own, and a source that sees changes only when told to look. */
export class FolderHarness implements SourceHarness {
  readonly clock: ManualClock = manualClock();
  readonly namespace = "default";
  readonly folder: string;
  readonly state: string;
  readonly #root: string;
  readonly #log: Log;
  #source: FolderSource | undefined;

  /** Makes the directories. */
  constructor(log: Log = silentLog) {
    this.#root = mkdtempSync(join(tmpdir(), "sallyport-folder-"));
    this.folder = join(this.#root, "folder");
    this.state = join(this.#root, "state");
    this.#log = log;
    mkdirSync(this.folder);
  }

  open(options: Partial<FolderSourceOptions> = {}): FolderSource {
    const watch = () => ({ follow() {}, close() {} });
    const { folder, state, clock } = this;
    this.#source = createFolderSource({ folder, state, clock, log: this.#log, watch, ...options });
    return this.#source;
  }

  /** The source that was opened last. */
  get source(): FolderSource {
    if (this.#source === undefined) {
      throw new Error("nothing is open");
    }
    return this.#source;
  }

  /** Writes a file of the folder; JSON is YAML. */
  write(path: string, ...documents: readonly (string | Manifest)[]): void {
    const texts = documents.map((document) => (typeof document === "string" ? document : JSON.stringify(document)));
    mkdirSync(join(this.folder, path, ".."), { recursive: true });
    writeFileSync(join(this.folder, path), texts.join("\n---\n"));
  }

  /** Removes a file or directory of the folder. */
  erase(path: string): void {
    rmSync(join(this.folder, path), { recursive: true, force: true });
  }

  /** Lets the source look, and look again once what is missing counts as deleted. */
  async look(): Promise<void> {
    await this.source.rescan();
    this.clock.advance(settleMs);
    await this.source.rescan();
  }

  async apply(manifest: Manifest): Promise<void> {
    this.write(`${manifest.kind}-${manifest.metadata.name}.yaml`, manifest);
    await this.#lookIfStarted();
  }

  async remove(key: ObjectKey): Promise<void> {
    this.erase(`${key.kind}-${key.name}.yaml`);
    await this.#lookIfStarted();
  }

  async uidOf(): Promise<string> {
    return randomUUID();
  }

  async dispose(): Promise<void> {
    await this.#source?.close();
    rmSync(this.#root, { recursive: true, force: true });
  }

  async #lookIfStarted(): Promise<void> {
    if (this.#source?.isStarted() === true) {
      await this.look();
    }
  }
}
