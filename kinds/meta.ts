/**
 * Metadata of every object, as Kubernetes has it. In a file a person writes name, namespace, labels and annotations; the
 * source (folder or cluster) adds the rest.
 */
export interface ObjectMeta {
  /** RFC 1123 subdomain of at most 63 characters, unique among the kind's objects of the namespace. */
  readonly name: string;
  /** DNS label. A file may leave it out; validation then fills in the default namespace. */
  readonly namespace: string;
  /** UUID given when the object was first seen; a re-created object gets another. */
  readonly uid?: string;
  /** Counter that rises with every change of spec. */
  readonly generation?: number;
  /** Opaque version for optimistic concurrency. */
  readonly resourceVersion?: string;
  /** RFC 3339 instant at which the object was first seen. */
  readonly creationTimestamp?: string;
  /** RFC 3339 instant at which deletion was asked for. */
  readonly deletionTimestamp?: string;
  readonly labels?: { readonly [key: string]: string };
  readonly annotations?: { readonly [key: string]: string };
  /** Names of the parties that must act before a deletion completes. */
  readonly finalizers?: readonly string[];
}
