import type { ObjectMeta } from "#kinds/index.ts";

/** Metadata as an API server gives it. Objects without a namespace have none. */
export type KubeMeta = Omit<ObjectMeta, "namespace"> & { readonly namespace?: string };

/** Any object of an API server. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: KubeMeta;
}

/** What kubectl keeps of the last manifest (client-side apply): as large as the object, and of no use to anyone but kubectl. */
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/** The object without what only makes it larger: managed fields and kubectl's copy. */
export function stripped<T extends KubeObject>(object: T): T {
  const { managedFields: _, annotations, ...metadata } = object.metadata as KubeMeta & { managedFields?: unknown };
  const { [lastApplied]: __, ...kept } = annotations ?? {};
  const own = Object.keys(kept).length === 0 ? {} : { annotations: kept };
  return { ...object, metadata: { ...metadata, ...own } };
}

/** `namespace/name`, or `/name` where there is no namespace: what names an object among those of its kind. */
export function nameOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}

/**
 * Whether resource version `a` came before `b`. Kubernetes documents them as integers that may be compared within one resource
 * since 1.35 (KEP-5504), and no release before had others: they are etcd's revisions. Undefined where one is no integer, as
 * a server that is not kube-apiserver may have them.
 */
export function isEarlier(a: string | undefined, b: string | undefined): boolean | undefined {
  const isNumber = /^\d+$/;
  if (a === undefined || b === undefined || !isNumber.test(a) || !isNumber.test(b)) {
    return undefined;
  }
  return BigInt(a) < BigInt(b);
}
