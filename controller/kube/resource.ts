import { defined } from "#lib/defined.ts";
import { answerTooLong, isKubeFailure } from "./failure.ts";
import type { KubeObject } from "./object.ts";
import { patchTypes, type KubeLines, type KubeRequest, type KubeTransport } from "./transport.ts";

/** One kind of object as an API server addresses it. */
export interface ResourceName {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** Plural, lower case: `grants`. */
  readonly plural: string;
}

/** Where one object is; without a namespace it belongs to the whole cluster. */
export interface ResourceKey {
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Of the whole list: the point from which a watch misses nothing. */
  readonly resourceVersion: string;
  /** Asks for the next page; undefined on the last one. */
  readonly next: string | undefined;
}

/** How any request is made. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** How a write is made. */
export interface WriteOptions extends CallOptions {
  /** The server goes through all of it but stores nothing. */
  readonly dryRun?: boolean;
  /** Whose fields these are (managed fields). */
  readonly fieldManager?: string;
  readonly subresource?: "status";
}

/** What must still be so for a deletion to happen; otherwise it fails with `conflict`. */
export interface DeleteOptions extends CallOptions {
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly dryRun?: boolean;
}

/**
 * Objects on one page of a list: what every Kubernetes client asks for. Where a page is longer than the transport takes, which somebody may
 * bring about with large annotations, pages of a quarter are asked for from then on, down to one object.
 */
export const pageLimit = 500;

/** Speaks of one kind of object. Everything that rejects, rejects with a `KubeFailure`. */
export interface ResourceClient<T extends KubeObject> {
  get(key: ResourceKey, options?: CallOptions): Promise<T>;
  /** One page; give `next` of the page before. A page that came too late fails with `gone`: begin again. */
  page(namespace: string | undefined, next?: string, options?: PageOptions): Promise<Page<T>>;
  /** Events since `resourceVersion`, bookmarks among them, for `timeoutSeconds` at most. */
  watch(namespace: string | undefined, resourceVersion: string, timeoutSeconds: number): KubeLines;
  create(object: T, options?: WriteOptions): Promise<T>;
  /** Replaces the object; its resourceVersion, where it has one, must be the newest. */
  replace(object: T, options?: WriteOptions): Promise<T>;
  /**
   * Server-side apply: `object` is all that `fieldManager` wants, of everything else nothing changes. With a uid or
   * resourceVersion in its metadata it fails with `conflict` where the object is another one by now.
   */
  apply(
    object: DeepPartial<T> & { readonly metadata: ResourceKey },
    options: WriteOptions & { readonly fieldManager: string; readonly force?: boolean },
  ): Promise<T>;
  /** A JSON merge patch (RFC 7396): null removes. */
  patch(key: ResourceKey, change: unknown, options?: WriteOptions): Promise<T>;
  /** Answers the object where finalizers keep it for now; undefined where it is gone. */
  delete(key: ResourceKey, options?: DeleteOptions): Promise<T | undefined>;
}

/** Of one page. */
interface PageOptions extends CallOptions {
  /** Objects at most. Absent: `pageLimit`. */
  readonly limit?: number;
}

/** Parts of an object. */
type DeepPartial<T> = { readonly [K in keyof T]?: T[K] extends object | undefined ? unknown : T[K] };

/**
 * A client of one kind on `transport`.
 * @param labelSelector lists and watches see only objects with these labels; absent: all
 */
export function createResource<T extends KubeObject>(
  transport: KubeTransport,
  name: ResourceName,
  labelSelector?: string,
): ResourceClient<T> {
  const base = name.group === "" ? `/api/${name.version}` : `/apis/${name.group}/${name.version}`;
  const collection = (namespace: string | undefined): string =>
    namespace === undefined
      ? `${base}/${name.plural}`
      : `${base}/namespaces/${encodeURIComponent(namespace)}/${name.plural}`;
  const item = (key: ResourceKey, subresource?: string): string =>
    `${collection(key.namespace)}/${encodeURIComponent(key.name)}${subresource === undefined ? "" : `/${subresource}`}`;
  const ask = <R>(request: KubeRequest, { signal, timeoutMs }: CallOptions = {}): Promise<R> =>
    transport.request<R>({ ...request, ...defined({ signal, timeoutMs }) });
  let limit = pageLimit;
  const listed = async (namespace: string | undefined, next?: string, options?: PageOptions): Promise<RawList<T>> => {
    try {
      const query = { limit: Math.min(limit, options?.limit ?? limit), continue: next, labelSelector };
      return await ask<RawList<T>>({ method: "GET", path: collection(namespace), query }, options);
    } catch (thrown) {
      if (!isKubeFailure(thrown, "refused") || thrown.reason !== answerTooLong || limit === 1) {
        throw thrown;
      }
      limit = Math.ceil(limit / 4);
      return listed(namespace, next, options);
    }
  };
  return {
    get: (key, options) => ask({ method: "GET", path: item(key) }, options),
    page: async (namespace, next, options) => pageOf(await listed(namespace, next, options)),
    watch(namespace, resourceVersion, timeoutSeconds) {
      const query = { watch: true, allowWatchBookmarks: true, resourceVersion, timeoutSeconds, labelSelector };
      return transport.lines({ method: "GET", path: collection(namespace), query });
    },
    create(object, options = {}) {
      const path = collection(object.metadata.namespace);
      return ask({ method: "POST", path, body: object, query: writeQuery(options) }, options);
    },
    replace(object, options = {}) {
      const path = item(object.metadata, options.subresource);
      return ask({ method: "PUT", path, body: object, query: writeQuery(options) }, options);
    },
    apply(object, options) {
      const path = item(object.metadata, options.subresource);
      const query = { ...writeQuery(options), force: options.force };
      return ask({ method: "PATCH", path, body: object, contentType: patchTypes.apply, query }, options);
    },
    patch(key, change, options = {}) {
      const path = item(key, options.subresource);
      return ask(
        { method: "PATCH", path, body: change, contentType: patchTypes.merge, query: writeQuery(options) },
        options,
      );
    },
    async delete(key, options = {}) {
      const { uid, resourceVersion, dryRun } = options;
      const preconditions = defined({ uid, resourceVersion });
      const body = {
        kind: "DeleteOptions",
        apiVersion: "v1",
        ...(dryRun === true ? { dryRun: ["All"] } : {}),
        preconditions,
      };
      const answer = await ask<T>({ method: "DELETE", path: item(key), body }, options);
      return answer.kind === "Status" ? undefined : answer;
    },
  };
}

interface RawList<T> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items?: readonly T[] | null;
}

function writeQuery({ dryRun, fieldManager }: WriteOptions): Record<string, string | undefined> {
  // Strict: an unknown field is an error of ours, and must not be dropped in silence.
  return { fieldValidation: "Strict", fieldManager, dryRun: dryRun === true ? "All" : undefined };
}

function pageOf<T extends KubeObject>(list: RawList<T>): Page<T> {
  const { resourceVersion, continue: more } = list.metadata;
  // Built-in kinds leave these out of the items of a list.
  const type = { apiVersion: list.apiVersion, kind: list.kind.replace(/List$/, "") };
  const items = (list.items ?? []).map((entry) => ({ ...type, ...entry }));
  return { items, resourceVersion, next: more === "" ? undefined : more };
}
