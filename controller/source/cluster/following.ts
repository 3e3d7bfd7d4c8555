import { kinds, type AnyObject, type Kind, type ObjectKey } from "#kinds/index.ts";
import type { CacheChange } from "../../kube/cache.ts";
import { Reflector, type ReflectorStats } from "../../kube/reflector.ts";
import { createResource, type ResourceClient } from "../../kube/resource.ts";
import { resourceOf } from "./names.ts";
import type { ClusterSourceOptions } from "./options.ts";
import type { ObjectWriter } from "./status-writer.ts";

/** What is done with what the cluster tells. */
export interface Followers {
  /** The server told of it. */
  readonly onChange: (change: CacheChange<AnyObject>) => void;
  /** This process's own write did it. */
  readonly onOwnChange: (change: CacheChange<AnyObject>) => void;
  /** The server answered a write with this. */
  readonly onAnswer: (object: AnyObject) => void;
}

/** One reflector for each kind, and for each namespace where these are named; and the way to write. */
export class Following {
  readonly #scopes: readonly (string | undefined)[];
  readonly #resources: ReadonlyMap<Kind, ResourceClient<AnyObject>>;
  readonly #reflectors = new Map<string, Reflector<AnyObject>>();
  readonly #followers: Followers;

  constructor(options: ClusterSourceOptions, followers: Followers) {
    const { transport, namespaces, clock, random, log } = options;
    this.#followers = followers;
    this.#scopes = namespaces.length === 0 ? [undefined] : namespaces;
    this.#resources = new Map(kinds.map((kind) => [kind, createResource<AnyObject>(transport, resourceOf(kind))]));
    for (const namespace of this.#scopes) {
      for (const kind of kinds) {
        const name = `${namespace === undefined ? "" : `${namespace}/`}${resourceOf(kind).plural}`;
        const resource = this.#resource(kind);
        const { onChange } = followers;
        // Without any other kind, Grants can still be taken away.
        const isRequired = kind === "Grant";
        const reflector = new Reflector({ resource, name, namespace, isRequired, clock, random, log, onChange });
        this.#reflectors.set(scopeOf(kind, namespace), reflector);
      }
    }
  }

  /** All of them. */
  get reflectors(): readonly Reflector<AnyObject>[] {
    return [...this.#reflectors.values()];
  }

  /** How each does, by what it follows: `grants`, or `team-a/grants`. */
  stats(): readonly (readonly [string, ReflectorStats])[] {
    return this.reflectors.map((reflector) => [reflector.name, reflector.stats()] as const);
  }

  /** Writes the object of that name, and lets the server's answers count at once. */
  writerOf(key: ObjectKey): ObjectWriter {
    return {
      resource: this.#resource(key.kind),
      observe: (object) => {
        this.#followers.onAnswer(object);
        this.#own(this.#reflectorOf(key)?.cache.observe(object) ?? []);
      },
      learn: (object) => {
        for (const change of this.#reflectorOf(key)?.cache.observe(object) ?? []) {
          this.#followers.onChange(change);
        }
      },
    };
  }

  /** The object is gone by this process's own doing. */
  forget(key: ObjectKey, object: AnyObject): void {
    this.#own(this.#reflectorOf(key)?.cache.forget(object) ?? []);
  }

  /** What the cluster has of one kind now, read from the server. */
  async read(kind: Kind): Promise<readonly AnyObject[]> {
    const objects: AnyObject[] = [];
    for (const scope of this.#scopes) {
      let page = await this.#resource(kind).page(scope);
      objects.push(...page.items);
      while (page.next !== undefined) {
        page = await this.#resource(kind).page(scope, page.next);
        objects.push(...page.items);
      }
    }
    return objects;
  }

  #own(changes: readonly CacheChange<AnyObject>[]): void {
    for (const change of changes) {
      this.#followers.onOwnChange(change);
    }
  }

  #reflectorOf({ kind, namespace }: ObjectKey): Reflector<AnyObject> | undefined {
    return this.#reflectors.get(scopeOf(kind, this.#scopes[0] === undefined ? undefined : namespace));
  }

  #resource(kind: Kind): ResourceClient<AnyObject> {
    const resource = this.#resources.get(kind);
    if (resource === undefined) {
      throw new Error(`no such kind: ${kind}`);
    }
    return resource;
  }
}

function scopeOf(kind: Kind, namespace: string | undefined): string {
  return `${namespace ?? ""}/${kind}`;
}
