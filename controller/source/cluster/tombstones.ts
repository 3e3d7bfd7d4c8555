import { createHash } from "node:crypto";
import type { Clock } from "#lib/clock.ts";
import { UserError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import { isKubeFailure } from "../../kube/failure.ts";
import type { KubeObject } from "../../kube/object.ts";
import { Reflector } from "../../kube/reflector.ts";
import { createResource, type ResourceClient } from "../../kube/resource.ts";
import type { KubeTransport } from "../../kube/transport.ts";
import type { Tombstone } from "../source.ts";

/**
 * ConfigMaps over which tombstones are spread, by a hash of namespace and name. One takes 1 MiB (Kubernetes, MaxSecretSize), which
 * is about 3,000 tombstones of at most 350 bytes: 750,000 in all, at a tenth of which the API server writes 30 KiB for each.
 */
export const tombstoneShards = 256;

const label = { "sallyport.dev/state": "tombstones" } as const;
const marker = "sallyport-started";

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** What the tombstones need. */
export interface TombstonesOptions {
  readonly transport: KubeTransport;
  /** The controller's own namespace. */
  readonly namespace: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** Tombstones in ConfigMaps, each one entry of its own, so that two writers never undo each other. All replicas follow them. */
export class ClusterTombstones {
  readonly #options: TombstonesOptions;
  readonly #resource: ResourceClient<ConfigMap>;
  readonly #reflector: Reflector<ConfigMap>;
  /** Entries by ConfigMap, then by `namespace/name`. */
  readonly #shards = new Map<string, ReadonlyMap<string, readonly Tombstone[]>>();

  constructor(options: TombstonesOptions) {
    const { transport, namespace, clock, random, log } = options;
    this.#options = options;
    const [[key, value] = ["", ""]] = Object.entries(label);
    this.#resource = createResource(transport, { group: "", version: "v1", plural: "configmaps" }, `${key}=${value}`);
    this.#reflector = new Reflector<ConfigMap>({
      resource: this.#resource,
      name: "tombstones",
      namespace,
      clock,
      random,
      log,
      onChange: ({ kind, object }) => this.#take(kind === "put" ? object : { metadata: object.metadata }),
    });
  }

  /** The reflector behind it, for its progress. */
  get reflector(): Reflector<ConfigMap> {
    return this.#reflector;
  }

  /** Whether no controller has ever started on this cluster. Asks the API server. */
  async isBlank(): Promise<boolean> {
    try {
      await this.#resource.get({ namespace: this.#options.namespace, name: marker });
      return false;
    } catch (thrown) {
      if (isKubeFailure(thrown, "notFound")) {
        return true;
      }
      throw thrown;
    }
  }

  /** Remembers that a controller has started here. */
  async markStarted(): Promise<void> {
    await this.#createUnlessThere(marker);
  }

  /** The tombstone of that spec, or the one that stands longest where no digest is given. */
  find(namespace: string, name: string, specDigest?: string): Tombstone | undefined {
    const now = this.#options.clock.now();
    const entries = this.#shards.get(shardOf(namespace, name))?.get(`${namespace}/${name}`) ?? [];
    return entries
      .filter((entry) => Date.parse(entry.notAfterTime) > now && (specDigest ?? entry.specDigest) === entry.specDigest)
      .sort((a, b) => Date.parse(b.notAfterTime) - Date.parse(a.notAfterTime))[0];
  }

  /** Stored when it resolves. What is over is dropped from the same ConfigMap. */
  async put(tombstone: Tombstone): Promise<void> {
    const name = shardOf(tombstone.namespace, tombstone.name);
    const now = this.#options.clock.now();
    const known = [...(this.#shards.get(name)?.values() ?? [])].flat();
    const over = known.filter(({ notAfterTime }) => Date.parse(notAfterTime) <= now);
    const data = {
      ...Object.fromEntries(over.map((entry) => [entryKey(entry), null])),
      [entryKey(tombstone)]: JSON.stringify(tombstone),
    };
    const changed = await this.#patch(name, data);
    for (const { kind, object } of this.#reflector.cache.observe(changed)) {
      this.#take(kind === "put" ? object : { metadata: object.metadata });
    }
  }

  async #patch(name: string, data: Readonly<Record<string, string | null>>): Promise<ConfigMap> {
    const key = { namespace: this.#options.namespace, name };
    try {
      return await this.#resource.patch(key, { data });
    } catch (thrown) {
      if (isKubeFailure(thrown, "notFound")) {
        await this.#createUnlessThere(name);
        return this.#resource.patch(key, { data });
      }
      if (isKubeFailure(thrown, "invalid")) {
        const why = "A ConfigMap takes 1 MiB. Tombstones go when the notAfterTime of their Grants has passed.";
        throw new UserError("TombstonesFull", `the ConfigMap ${name} takes no more tombstones`, { why, cause: thrown });
      }
      throw thrown;
    }
  }

  async #createUnlessThere(name: string): Promise<void> {
    const metadata = { namespace: this.#options.namespace, name, labels: label };
    try {
      await this.#resource.create({ apiVersion: "v1", kind: "ConfigMap", metadata });
    } catch (thrown) {
      if (!isKubeFailure(thrown, "alreadyExists")) {
        throw thrown;
      }
    }
  }

  #take({ metadata, data = {} }: ConfigMap): void {
    const byName = new Map<string, readonly Tombstone[]>();
    for (const text of Object.values(data)) {
      const entry = read(text);
      if (entry === undefined) {
        this.#options.log.error("a tombstone cannot be read", { configMap: metadata.name });
        continue;
      }
      const name = `${entry.namespace}/${entry.name}`;
      byName.set(name, [...(byName.get(name) ?? []), Object.freeze(entry)]);
    }
    this.#shards.set(metadata.name, byName);
  }
}

function shardOf(namespace: string, name: string): string {
  const shard = (hash(`${namespace}/${name}`).readUInt32BE() % tombstoneShards).toString(16).padStart(2, "0");
  return `sallyport-tombstones-${shard}`;
}

function entryKey({ namespace, name, specDigest }: Tombstone): string {
  return hash(`${namespace}/${name}/${specDigest}`).toString("hex").slice(0, 40);
}

function hash(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function read(text: string): Tombstone | undefined {
  try {
    const { namespace, name, uid, specDigest, notAfterTime } = JSON.parse(text) as Partial<Tombstone>;
    const isWhole = [namespace, name, uid, specDigest, notAfterTime].every((part) => typeof part === "string");
    return isWhole ? ({ namespace, name, uid, specDigest, notAfterTime } as Tombstone) : undefined;
  } catch {
    return undefined;
  }
}
