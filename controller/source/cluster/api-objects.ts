import { apiVersion, keyOf, type AnyObject, type ObjectKey } from "#kinds/index.ts";
import { validateObject } from "#kinds/validate.ts";
import type { OriginProof } from "../../admission/origin-proof.ts";
import { isKubeFailure } from "../../kube/failure.ts";
import { explained, invalidObject, noSuchObject, notMadeHere } from "./errors.ts";
import type { Following } from "./following.ts";
import { fieldManager, finalizer } from "./options.ts";
import { conflictsMax, readNewest } from "./status-writer.ts";
import type { ClusterView } from "./view.ts";

/**
 * Objects that people make through the control API: ordinary objects of the cluster, written with the controller's own rights on
 * behalf of the person whom the API has authenticated.
 */
export class ApiObjects {
  readonly #view: ClusterView;
  readonly #following: Following;
  readonly #origin: OriginProof;

  constructor(view: ClusterView, following: Following, origin: OriginProof) {
    this.#view = view;
    this.#following = following;
    this.#origin = origin;
  }

  /** Rejects with a `UserError` where the name is taken, or the object is not legal or not allowed. */
  async create(object: AnyObject): Promise<void> {
    const key = keyOf(object);
    const valid = validated(object);
    const { name, namespace, labels, annotations } = valid.metadata;
    const metadata = {
      name,
      namespace,
      ...(labels === undefined ? {} : { labels }),
      annotations: { ...annotations, ...this.#origin.annotationsFor(valid) },
      // At once, so that no deletion comes before it.
      ...(valid.kind === "Grant" ? { finalizers: [finalizer] } : {}),
    };
    const writer = this.#following.writerOf(key);
    const wish = { apiVersion, kind: valid.kind, metadata, spec: valid.spec } as AnyObject;
    writer.observe(await inWords(key, writer.resource.create(wish, { fieldManager })));
  }

  /** Changes spec, labels and annotations, by the rules for changes of the kind. */
  async update(object: AnyObject): Promise<void> {
    const key = keyOf(object);
    const writer = this.#following.writerOf(key);
    let live: AnyObject | undefined = this.#madeHere(key);
    for (let attempt = 1; live !== undefined; attempt += 1) {
      if (live.metadata.deletionTimestamp !== undefined) {
        break;
      }
      const { spec, metadata } = validated(object, live);
      const { labels = {}, annotations = {} } = metadata;
      const kept = {
        ...live.metadata,
        labels,
        annotations: { ...annotations, ...this.#origin.annotationsFor({ ...live, spec } as AnyObject) },
      };
      try {
        writer.observe(await writer.resource.replace({ ...live, metadata: kept, spec } as AnyObject, { fieldManager }));
        return;
      } catch (thrown) {
        if (!isKubeFailure(thrown, "conflict") || attempt === conflictsMax) {
          throw explained(thrown, key);
        }
      }
      live = await inWords(key, readNewest(writer, live));
    }
    throw noSuchObject(key);
  }

  /** Asks for the deletion; a Grant stays, marked, until it is released. */
  async delete(key: ObjectKey): Promise<void> {
    await this.#remove(key, this.#madeHere(key));
  }

  /** Asks for the deletion of what is over, whoever made it. */
  async forget(object: AnyObject): Promise<void> {
    const key = keyOf(object);
    const known = this.#view.actual(key);
    if (known === undefined || known.metadata.deletionTimestamp !== undefined) {
      return;
    }
    if (known.metadata.uid === object.metadata.uid) {
      await this.#remove(key, known);
    }
  }

  async #remove(key: ObjectKey, known: AnyObject): Promise<void> {
    const writer = this.#following.writerOf(key);
    const left = await inWords(key, writer.resource.delete(key, { uid: known.metadata.uid }));
    if (left?.metadata.deletionTimestamp === undefined) {
      this.#following.forget(key, known);
    } else {
      writer.observe(left);
    }
  }

  #madeHere(key: ObjectKey): AnyObject {
    const known = this.#view.actual(key);
    if (known === undefined) {
      throw noSuchObject(key);
    }
    if (!this.#origin.holdsFor(known)) {
      throw notMadeHere(key);
    }
    return known;
  }
}

/** The API server validates as well; our own words are those that people know from everywhere else. */
function validated(object: AnyObject, old?: AnyObject): AnyObject {
  const { status: _, ...wish } = object;
  const { status: __, ...before } = old ?? {};
  const { object: valid, problems } = validateObject(wish, old === undefined ? {} : { old: before as AnyObject });
  if (valid === undefined) {
    throw invalidObject(problems);
  }
  return valid;
}

async function inWords<T>(key: ObjectKey, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (thrown) {
    throw explained(thrown, key);
  }
}
