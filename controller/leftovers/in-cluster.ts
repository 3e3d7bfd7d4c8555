import type { Grant, Proxy } from "#kinds/index.ts";
import { UserError } from "#lib/errors.ts";
import { isKubeFailure, KubeFailure } from "../kube/failure.ts";
import { createResource, type Page, type ResourceClient } from "../kube/resource.ts";
import type { KubeTransport } from "../kube/transport.ts";
import { cleanUpFinalizer, finalizer, ownFinalizers } from "../source/cluster/options.ts";

/** A Grant or Proxy in the cluster that holds something, or may, until the controller has taken it away. */
export interface HeldObject {
  /** `namespace/name`; of a Proxy `proxy namespace/name`. */
  readonly grant: string;
  /** Absent: nothing was made for it yet. */
  readonly grantID?: string;
  /** Absent: a Proxy, which gives nobody access. */
  readonly userName?: string;
  /** Whether it waits for the controller in order to be deleted. */
  readonly deleting: boolean;
}

/** One that was let go. */
export interface ReleasedObject extends HeldObject {
  /** What was left in AWS of it: the permission set, where it was still there; the ECS service, which nobody looked for. */
  readonly left?: string;
}

/** The Grants and Proxies that the controller has not let go. */
export class HeldObjects {
  readonly #grants: ResourceClient<Grant>;
  readonly #proxies: ResourceClient<Proxy>;
  readonly #namespaces: readonly (string | undefined)[];

  /** Without namespaces it looks at all. */
  constructor(transport: KubeTransport, namespaces: readonly string[]) {
    this.#namespaces = namespaces.length === 0 ? [undefined] : namespaces;
    const ours = { group: "sallyport.dev", version: "v1alpha1" } as const;
    this.#grants = createResource<Grant>(transport, { ...ours, plural: "grants" });
    this.#proxies = createResource<Proxy>(transport, { ...ours, plural: "proxies" });
  }

  /**
   * Grants that carry the controller's finalizer, and Proxies that wait for it in order to be deleted: one that stays gives nobody
   * access. Throws a `UserError` where the cluster cannot be asked. A cluster without our kinds holds none.
   */
  async list(): Promise<HeldObject[]> {
    return [...(await this.#heldGrants()).map(viewOfGrant), ...(await this.#waitingProxies()).map(viewOfProxy)];
  }

  /**
   * Takes the finalizer off the Grants and Proxies that are being deleted and that nobody will end any more. Grants of which something is in
   * AWS are refused unless `evenIfLeft`: taking it off does not take the access away.
   */
  async release(inAws: ReadonlyMap<string, string>, evenIfLeft: boolean): Promise<ReleasedObject[]> {
    const waiting = (await this.#heldGrants()).filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
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
    const released: ReleasedObject[] = [];
    for (const grant of waiting) {
      await letGo(this.#grants, grant);
      const arn = inAws.get(grant.status?.grantID ?? "");
      released.push({ ...viewOfGrant(grant), ...(arn === undefined ? {} : { left: arn }) });
    }
    for (const proxy of await this.#waitingProxies()) {
      await letGo(this.#proxies, proxy);
      const { serviceName, clusterName, accountID, region } = proxy.spec.ecs;
      const left = `maybe the ECS service ${serviceName} (cluster ${clusterName}, account ${accountID}, ${region})`;
      released.push({ ...viewOfProxy(proxy), left });
    }
    return released;
  }

  #heldGrants(): Promise<Grant[]> {
    return this.#all(this.#grants, ({ metadata }) => metadata.finalizers?.includes(finalizer) === true);
  }

  #waitingProxies(): Promise<Proxy[]> {
    return this.#all(
      this.#proxies,
      ({ metadata: { finalizers, deletionTimestamp } }) =>
        deletionTimestamp !== undefined && finalizers?.includes(cleanUpFinalizer) === true,
    );
  }

  async #all<T extends Grant | Proxy>(resource: ResourceClient<T>, isHeld: (object: T) => boolean): Promise<T[]> {
    const found: T[] = [];
    for (const namespace of this.#namespaces) {
      let next: string | undefined;
      do {
        const page = await pageOf(resource, namespace, next);
        found.push(...page.items.filter(isHeld));
        next = page.next;
      } while (next !== undefined);
    }
    return found;
  }
}

async function pageOf<T extends Grant | Proxy>(
  resource: ResourceClient<T>,
  namespace: string | undefined,
  next: string | undefined,
): Promise<Pick<Page<T>, "items" | "next">> {
  try {
    return await resource.page(namespace, next);
  } catch (thrown) {
    if (isKubeFailure(thrown, "notFound")) {
      return { items: [], next: undefined };
    }
    throw inWords(thrown);
  }
}

async function letGo<T extends Grant | Proxy>(resource: ResourceClient<T>, { metadata }: T): Promise<void> {
  const { namespace, name, uid, resourceVersion, finalizers = [] } = metadata;
  const others = finalizers.filter((other) => !ownFinalizers.includes(other));
  // Of exactly this one, as it was read.
  const change = { metadata: { uid, resourceVersion, finalizers: others } };
  await resource.patch({ namespace, name }, change).catch((thrown: unknown) => {
    throw inWords(thrown);
  });
}

function viewOfGrant({ metadata, spec, status }: Grant): HeldObject {
  return {
    grant: `${metadata.namespace}/${metadata.name}`,
    ...(status?.grantID === undefined ? {} : { grantID: status.grantID }),
    userName: spec.principal.name,
    deleting: metadata.deletionTimestamp !== undefined,
  };
}

function viewOfProxy({ metadata }: Proxy): HeldObject {
  return { grant: `proxy ${metadata.namespace}/${metadata.name}`, deleting: true };
}

function inWords(thrown: unknown): unknown {
  return thrown instanceof KubeFailure
    ? new UserError("ClusterRefused", "the cluster did not do what was asked", {
        why: thrown.message,
        next: "Use an account that may list and patch grants and proxies of sallyport.dev in these namespaces.",
        cause: thrown,
      })
    : thrown;
}
