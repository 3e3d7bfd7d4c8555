import type { Grant } from "#kinds/index.ts";
import { UserError } from "#lib/errors.ts";
import { isKubeFailure, KubeFailure } from "../kube/failure.ts";
import { createResource, type Page, type ResourceClient } from "../kube/resource.ts";
import type { KubeTransport } from "../kube/transport.ts";
import { finalizer } from "../source/cluster/options.ts";

/** A Grant in the cluster that holds something, or may, until the controller has taken it away. */
export interface HeldGrant {
  /** `namespace/name`. */
  readonly grant: string;
  /** Absent: nothing was made for it yet. */
  readonly grantID?: string;
  readonly userName: string;
  /** Whether it waits for the controller in order to be deleted. */
  readonly deleting: boolean;
}

/** A Grant that was let go. */
export interface ReleasedGrant extends HeldGrant {
  /** What was left in AWS of it: the permission set, where it was still there. */
  readonly left?: string;
}

/** The Grants that carry the controller's finalizer. */
export class HeldGrants {
  readonly #resource: ResourceClient<Grant>;
  readonly #namespaces: readonly (string | undefined)[];

  /** Without namespaces it looks at all. */
  constructor(transport: KubeTransport, namespaces: readonly string[]) {
    this.#namespaces = namespaces.length === 0 ? [undefined] : namespaces;
    this.#resource = createResource<Grant>(transport, {
      group: "sallyport.dev",
      version: "v1alpha1",
      plural: "grants",
    });
  }

  /** Throws a `UserError` where the cluster cannot be asked. A cluster without our kinds holds none. */
  async list(): Promise<HeldGrant[]> {
    return (await this.#held()).map(viewOf);
  }

  /**
   * Takes the finalizer off the Grants that are being deleted and that nobody will end any more. Those of which something is in AWS are
   * refused unless `evenIfLeft`: taking it off does not take the access away.
   */
  async release(inAws: ReadonlyMap<string, string>, evenIfLeft: boolean): Promise<ReleasedGrant[]> {
    const waiting = (await this.#held()).filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
    const left = waiting.filter(({ status }) => inAws.has(status?.grantID ?? ""));
    if (left.length > 0 && !evenIfLeft) {
      throw new UserError(
        "AccessLeft",
        `${left.length} of the Grants that wait for deletion still give access in AWS`,
        {
          why: left.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).join(", "),
          next: 'Run "sallyport leftovers delete" first, or give --orphan to leave it there.',
        },
      );
    }
    const released: ReleasedGrant[] = [];
    for (const grant of waiting) {
      await this.#letGo(grant);
      const arn = inAws.get(grant.status?.grantID ?? "");
      released.push({ ...viewOf(grant), ...(arn === undefined ? {} : { left: arn }) });
    }
    return released;
  }

  async #letGo({ metadata }: Grant): Promise<void> {
    const { namespace, name, uid, resourceVersion, finalizers = [] } = metadata;
    const others = finalizers.filter((other) => other !== finalizer);
    // Of exactly this one, as it was read.
    const change = { metadata: { uid, resourceVersion, finalizers: others } };
    await this.#resource.patch({ namespace, name }, change).catch((thrown: unknown) => {
      throw inWords(thrown);
    });
  }

  async #held(): Promise<Grant[]> {
    const found: Grant[] = [];
    for (const namespace of this.#namespaces) {
      let next: string | undefined;
      do {
        const page = await this.#page(namespace, next);
        found.push(...page.items.filter(({ metadata }) => metadata.finalizers?.includes(finalizer) === true));
        next = page.next;
      } while (next !== undefined);
    }
    return found;
  }

  async #page(namespace: string | undefined, next: string | undefined): Promise<Pick<Page<Grant>, "items" | "next">> {
    try {
      return await this.#resource.page(namespace, next);
    } catch (thrown) {
      if (isKubeFailure(thrown, "notFound")) {
        return { items: [], next: undefined };
      }
      throw inWords(thrown);
    }
  }
}

function viewOf({ metadata, spec, status }: Grant): HeldGrant {
  return {
    grant: `${metadata.namespace}/${metadata.name}`,
    ...(status?.grantID === undefined ? {} : { grantID: status.grantID }),
    userName: spec.principal.name,
    deleting: metadata.deletionTimestamp !== undefined,
  };
}

function inWords(thrown: unknown): unknown {
  return thrown instanceof KubeFailure
    ? new UserError("ClusterRefused", "the cluster did not do what was asked", {
        why: thrown.message,
        next: "Use an account that may list and patch grants.sallyport.dev in these namespaces.",
        cause: thrown,
      })
    : thrown;
}
