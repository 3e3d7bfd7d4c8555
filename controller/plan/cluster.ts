import { definitions } from "#kinds/generated/schemas.ts";
import { formatKey, keyOf, kinds, type AnyObject, type Kind } from "#kinds/index.ts";
import type { Clock } from "#lib/clock.ts";
import { UserError } from "#lib/errors.ts";
import { KubeFailure } from "../kube/failure.ts";
import { createKubeTransport } from "../kube/https-transport.ts";
import { loadKubeAccess, type KubeconfigOptions } from "../kube/kubeconfig.ts";
import { createResource } from "../kube/resource.ts";
import type { KubeTransport } from "../kube/transport.ts";
import type { PlannedObject } from "./objects.ts";

/** Which cluster is compared with. */
export interface ClusterBase extends KubeconfigOptions {
  /** Absent: all namespaces. */
  readonly namespace: string | undefined;
  readonly version: string;
  readonly clock: Clock;
}

/** Marks what people made through the control API and not with a manifest. */
const originAnnotation = "sallyport.dev/origin";

/** What is in the cluster now, with its status. Lists only. Throws a `UserError` where the cluster cannot be asked. */
export async function readCluster(base: ClusterBase): Promise<PlannedObject[]> {
  const access = await loadKubeAccess(base);
  const transport = createKubeTransport({ access, version: base.version, clock: base.clock });
  try {
    const lists: PlannedObject[][] = [];
    for (const kind of kinds) {
      lists.push(await listAll(transport, kind, base.namespace));
    }
    return lists.flat();
  } catch (thrown) {
    if (!(thrown instanceof KubeFailure)) {
      throw thrown;
    }
    const next = "sallyport plan needs get and list on the kinds of sallyport.dev: the role sallyport-viewer has both.";
    throw new UserError("ClusterUnreadable", "the cluster's objects cannot be read", {
      why: thrown.message,
      next,
      cause: thrown,
    });
  } finally {
    transport.close();
  }
}

/**
 * What is wanted once the folder was applied: `kubectl apply` leaves alone what the folder does not name. With `prune`, as
 * GitOps tools do it, what nobody made through the control API is removed.
 */
export function afterApply(
  base: readonly PlannedObject[],
  folder: readonly PlannedObject[],
  prune: boolean,
): PlannedObject[] {
  const named = new Set(folder.map(({ object }) => formatKey(keyOf(object))));
  const kept = base.filter(
    ({ object }) =>
      !named.has(formatKey(keyOf(object))) && (!prune || object.metadata.annotations?.[originAnnotation] !== undefined),
  );
  return [...kept, ...folder];
}

async function listAll(transport: KubeTransport, kind: Kind, namespace: string | undefined): Promise<PlannedObject[]> {
  const resource = createResource<AnyObject>(transport, {
    group: "sallyport.dev",
    version: "v1alpha1",
    plural: definitions[kind].plural,
  });
  const found: PlannedObject[] = [];
  let next: string | undefined;
  do {
    const page = await resource.page(namespace, next);
    // Items of a list carry neither (Kubernetes API conventions, "Lists").
    found.push(
      ...page.items.map((item) => ({
        object: { ...item, apiVersion: "sallyport.dev/v1alpha1", kind } as AnyObject,
        origin: "cluster",
      })),
    );
    next = page.next;
  } while (next !== undefined);
  return found;
}
