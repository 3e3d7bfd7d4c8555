import { KubeFailure } from "./failure.ts";
import type { KubeObject } from "./object.ts";
import type { KubeLines, KubeRequest, KubeTransport } from "./transport.ts";

/** An object of the model: its value is all there is to it. */
export interface Thing extends KubeObject {
  readonly value?: number;
}

interface LogEntry {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: Thing;
  readonly version: number;
}

interface OpenWatch {
  /** Everything up to here was told. */
  position: number;
  readonly queue: (string | Error)[];
  isEnded: boolean;
  wake: () => void;
}

/** Objects on one page of the model's lists, so that lists of a few objects have several. */
const pageSize = 2;

/**
 * The reference that a reflector is measured against: what an API server does with one kind, in memory, telling only what a test lets
 * it tell. Its versions are the API server's: one counter for everything.
 */
export class ModelServer implements KubeTransport {
  readonly objects = new Map<string, Thing>();
  readonly #log: LogEntry[] = [];
  #version = 0;
  #compacted = 0;
  #uids = 0;
  readonly #failures: KubeFailure[] = [];
  readonly #snapshots = new Map<string, { readonly items: readonly Thing[]; readonly version: number }>();
  readonly requests: KubeRequest[] = [];
  #held: PromiseWithResolvers<void> | undefined;
  watch: OpenWatch | undefined;

  /** Adds the object, or changes it; answers it. */
  put(name: string, value: number): Thing {
    const known = this.objects.get(name);
    const uid = known?.metadata.uid ?? `uid-${(this.#uids += 1)}`;
    return this.#write(known === undefined ? "ADDED" : "MODIFIED", name, uid, value);
  }

  remove(name: string): Thing | undefined {
    const known = this.objects.get(name);
    if (known !== undefined) {
      this.#write("DELETED", name, known.metadata.uid ?? "", known.value ?? 0);
      this.objects.delete(name);
    }
    return known;
  }

  /** Takes a backup; what is answered sets the server back to it, as restoring etcd does. */
  snapshot(): () => void {
    const [objects, version, length] = [new Map(this.objects), this.#version, this.#log.length];
    return () => {
      this.objects.clear();
      for (const [name, object] of objects) {
        this.objects.set(name, object);
      }
      this.#version = version;
      this.#log.length = length;
    };
  }

  /** Something happened to objects of another kind: the version rises. */
  elsewhere(): void {
    this.#version += 1;
  }

  /** Answers to lists are under way until `letGo`: they tell how things were when they were asked for. */
  hold(): void {
    this.#held ??= Promise.withResolvers();
  }

  letGo(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }

  /** Forgets all events up to now, as etcd's compaction does. */
  compact(): void {
    this.#compacted = this.#version;
    this.#snapshots.clear();
  }

  /** The next request fails. */
  failNext(failure: KubeFailure): void {
    this.#failures.push(failure);
  }

  /** Lets the open watch tell up to `count` more events. */
  deliver(count: number): void {
    const { watch } = this;
    if (watch === undefined || watch.isEnded) {
      return;
    }
    for (const entry of this.#log.filter(({ version }) => version > watch.position).slice(0, count)) {
      watch.position = entry.version;
      watch.queue.push(JSON.stringify({ type: entry.type, object: entry.object }));
    }
    watch.wake();
  }

  /** A bookmark; only where everything up to now was told, as the API server does it. */
  bookmark(): void {
    this.deliver(Number.POSITIVE_INFINITY);
    this.watch?.queue.push(
      JSON.stringify({ type: "BOOKMARK", object: { metadata: { resourceVersion: String(this.#version) } } }),
    );
    this.watch?.wake();
  }

  /** Ends the open watch: in order, by a failure, or with an event. */
  end(how: "clean" | KubeFailure | string): void {
    const { watch } = this;
    if (watch === undefined) {
      return;
    }
    if (how !== "clean") {
      watch.queue.push(how);
    }
    watch.isEnded = true;
    watch.wake();
  }

  async request<T>(request: KubeRequest): Promise<T> {
    this.#arrive(request);
    const token = request.query?.["continue"];
    const [id = "", offset = "0"] = typeof token === "string" ? token.split("/") : [];
    const snapshot =
      token === undefined ? { items: [...this.objects.values()], version: this.#version } : this.#snapshots.get(id);
    if (snapshot === undefined) {
      throw new KubeFailure("gone", "the continue token is too old", { code: 410, reason: "Expired" });
    }
    const from = Number(offset);
    const more = from + pageSize < snapshot.items.length;
    const name = token === undefined ? String(this.requests.length) : id;
    this.#snapshots.set(name, snapshot);
    const metadata = {
      resourceVersion: String(snapshot.version),
      ...(more ? { continue: `${name}/${from + pageSize}` } : {}),
    };
    const items = snapshot.items.slice(from, from + pageSize);
    await this.#held?.promise;
    return { apiVersion: "v1", kind: "ThingList", metadata, items } as T;
  }

  lines(request: KubeRequest): KubeLines {
    const position = Number(request.query?.["resourceVersion"]);
    const watch: OpenWatch = { position, queue: [], isEnded: false, wake: () => {} };
    const close = (): void => {
      watch.isEnded = true;
      watch.queue.length = 0;
      watch.wake();
    };
    return { close, [Symbol.asyncIterator]: () => this.#tell(request, watch) };
  }

  close(): void {}

  async *#tell(request: KubeRequest, watch: OpenWatch): AsyncGenerator<string> {
    this.#arrive(request);
    if (watch.position < this.#compacted) {
      throw new KubeFailure("gone", "too old resource version", { code: 410, reason: "Expired" });
    }
    if (watch.position > this.#version) {
      throw new KubeFailure("resourceVersionTooLarge", "Too large resource version", { code: 504, reason: "Timeout" });
    }
    this.watch = watch;
    for (;;) {
      const next = watch.queue.shift();
      if (next instanceof Error) {
        throw next;
      }
      if (next !== undefined) {
        yield next;
      } else if (watch.isEnded) {
        return;
      } else {
        await new Promise<void>((resolve) => (watch.wake = resolve));
      }
    }
  }

  #arrive(request: KubeRequest): void {
    this.requests.push(request);
    const failure = this.#failures.shift();
    if (failure !== undefined) {
      throw failure;
    }
  }

  #write(type: LogEntry["type"], name: string, uid: string, value: number): Thing {
    this.#version += 1;
    const metadata = { name, namespace: "n", uid, resourceVersion: String(this.#version) };
    const object: Thing = { metadata, value };
    this.objects.set(name, object);
    this.#log.push({ type, object, version: this.#version });
    return object;
  }
}
