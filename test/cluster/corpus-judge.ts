import { parseDocument } from "yaml";
import { type AnyObject, definitions, type Kind } from "#kinds/generated/schemas.ts";
import type { CorpusCase } from "#kinds/corpus.ts";
import type { ControlPlane } from "#test/harness/control-plane.ts";

/** What the API server said of an object. */
export interface Verdict {
  readonly accepted: boolean;
  /** Its reason; empty for an accepted object. */
  readonly message: string;
}

/** As kubectl asks for: an unknown or repeated field is refused, not dropped. */
const strict = "fieldValidation=Strict";

/**
 * Has the API server judge a case in a namespace of its own: its object created, or for a transition the first created and then replaced
 * by the second. The text goes there as it stands, so that its YAML is read by the server too.
 */
export async function judge(cluster: ControlPlane, example: CorpusCase): Promise<Verdict> {
  const namespace = await cluster.createNamespace("corpus");
  const documents = example.isTransition ? example.text.split(/^---$/m).slice(1) : [example.text];
  const [first = "", second] = documents;
  const at = collectionOf(parseDocument(first).get("kind") as Kind, namespace);
  const created = await cluster.request({ path: `${at}?${strict}`, method: "POST", ...yaml(first) });
  if (second === undefined) {
    return verdict(created);
  }
  if (created.status !== 201) {
    throw new Error(`${example.file}: the first document was refused: ${verdict(created).message}`);
  }
  const { name, resourceVersion } = (created.body as { metadata: { name: string; resourceVersion: string } }).metadata;
  const document = parseDocument(second);
  document.setIn(["metadata", "resourceVersion"], resourceVersion);
  const path = `${at}/${name}?${strict}`;
  return verdict(await cluster.request({ path, method: "PUT", ...yaml(document.toString()) }));
}

/** Has the API server judge a new object and store nothing. */
export async function judgeNew(cluster: ControlPlane, object: unknown, kind: Kind): Promise<Verdict> {
  const path = `${collectionOf(kind, "default")}?dryRun=All&${strict}`;
  return verdict(await cluster.request({ path, method: "POST", body: object }));
}

/** Has the API server judge the next version of an object that it stores, and keep what it has. */
export async function judgeNext(
  cluster: ControlPlane,
  object: Readonly<Record<string, unknown>>,
  kind: Kind,
): Promise<Verdict> {
  const { name, namespace } = object["metadata"] as { readonly name: string; readonly namespace: string };
  const path = `${collectionOf(kind, namespace)}/${name}?dryRun=All&${strict}`;
  return verdict(await cluster.request({ path, method: "PUT", body: object }));
}

/** Stores an object and gives it with the version by which it can be replaced, without what else the server wrote. */
export async function store(cluster: ControlPlane, object: AnyObject): Promise<AnyObject> {
  const path = `${collectionOf(object.kind, object.metadata.namespace ?? "default")}?${strict}`;
  const answer = await cluster.request({ path, method: "POST", body: object });
  if (answer.status !== 201) {
    throw new Error(`the API server refused ${object.metadata.name}: ${verdict(answer).message}`);
  }
  const { resourceVersion } = (answer.body as AnyObject).metadata;
  return { ...object, metadata: { ...object.metadata, resourceVersion } } as AnyObject;
}

function yaml(text: string): { readonly raw: string; readonly contentType: string } {
  return { raw: text, contentType: "application/yaml" };
}

function collectionOf(kind: Kind, namespace: string): string {
  return `/apis/sallyport.dev/v1alpha1/namespaces/${namespace}/${definitions[kind].plural}`;
}

function verdict({ status, body }: { readonly status: number; readonly body: unknown }): Verdict {
  if (status < 300) {
    return { accepted: true, message: "" };
  }
  // Anything else would be a failure of the test's own request.
  if (status !== 400 && status !== 422) {
    throw new Error(`the API server answered ${status}: ${JSON.stringify(body)}`);
  }
  return { accepted: false, message: (body as { message: string }).message };
}
