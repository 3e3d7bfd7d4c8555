import { kinds, type Kind } from "./generated/schemas.ts";

/** What names one object among all. */
export interface ObjectKey {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
}

/** The namespace of an object in a file that states none. */
export const defaultNamespace = "default";

/** The key of `object`. */
export function keyOf(object: {
  readonly kind: Kind;
  readonly metadata: { readonly namespace: string; readonly name: string };
}): ObjectKey {
  return { kind: object.kind, namespace: object.metadata.namespace, name: object.metadata.name };
}

/** The key as `Kind/namespace/name`: the form that maps, logs and messages use. */
export function formatKey(key: ObjectKey): string {
  return `${key.kind}/${key.namespace}/${key.name}`;
}

/** Reads `Kind/namespace/name`. Throws where `text` does not have that form or names an unknown kind. */
export function parseKey(text: string): ObjectKey {
  const [kind, namespace, name, more] = text.split("/");
  if (!isKind(kind) || !namespace || !name || more !== undefined) {
    throw new Error(`not the key of an object (Kind/namespace/name): ${JSON.stringify(text)}`);
  }
  return { kind, namespace, name };
}

/** Whether `value` is the name of one of the kinds. */
export function isKind(value: unknown): value is Kind {
  return typeof value === "string" && (kinds as readonly string[]).includes(value);
}
