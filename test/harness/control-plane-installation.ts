import path from "node:path";
import { writeKubeconfig } from "./control-plane-client.ts";
import type { ControlPlane } from "./control-plane.ts";
import { eventually, repository } from "./process.ts";

/** Namespace of the controller, as `manifests/` has it. */
const controllerNamespace = "sallyport-system";
/** Service account of the controller, as `manifests/rbac` has it. */
const controllerAccount = "sallyport-controller";

/** A cluster that is ready for a controller. */
export interface ClusterPlace {
  /** Where the objects are. */
  readonly namespace: string;
  /** What the controller is told instead of `--folder`. */
  readonly controllerArguments: readonly string[];
  /** A kubeconfig for a person whom the cluster knows by their name in Identity Center, with one of the roles of `manifests/rbac`. */
  kubeconfigFor(
    userName: string,
    role: "sallyport-requester" | "sallyport-reviewer" | "sallyport-viewer",
  ): Promise<string>;
}

/**
 * Does what an administrator does: definitions, roles and admission policies from `manifests/`, then the objects of a folder. The controller
 * gets a service account's token, no more.
 */
export async function prepareCluster(cluster: ControlPlane, folder: string): Promise<ClusterPlace> {
  const namespace = "shop";
  await cluster.installCRDs();
  const token = await cluster.serviceAccountToken(controllerNamespace, controllerAccount);
  for (const part of ["rbac", "admission"]) {
    await cluster.kubectl(["apply", "-k", path.join(repository, "manifests", part)]);
  }
  await cluster.kubectl(["create", "namespace", namespace]);
  await untilInForce(cluster, namespace);
  await cluster.kubectl(["apply", "--namespace", namespace, "--filename", folder]);
  const home = path.dirname(cluster.kubeconfigFile);
  const kubeconfig = writeKubeconfig(path.join(home, "controller.kubeconfig"), cluster, controllerAccount, token);
  const flags = { kubeconfig, "controller-namespace": controllerNamespace, namespace };
  return {
    namespace,
    controllerArguments: ["--cluster", ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value])],
    async kubeconfigFor(userName, role) {
      const binding = ["create", "rolebinding", `${userName}-${role}`, "--namespace", namespace];
      await cluster.kubectl([...binding, `--clusterrole=${role}`, `--user=${userName}`]);
      return cluster.kubeconfigFor(userName);
    },
  };
}

/** A policy counts a moment after it is there: until it refuses a Grant that names nobody who asks for it. */
async function untilInForce(cluster: ControlPlane, namespace: string): Promise<void> {
  const body = {
    apiVersion: "sallyport.dev/v1alpha1",
    kind: "Grant",
    metadata: { name: "probe" },
    spec: {
      principal: { name: "ada" },
      databaseRef: { name: "orders" },
      roleName: "read_only",
      durationSeconds: 60,
      notAfterTime: new Date(Date.now() + 60_000).toISOString(),
    },
  };
  const path = `/apis/sallyport.dev/v1alpha1/namespaces/${namespace}/grants?dryRun=All`;
  await eventually("the admission policies are in force", async () => {
    const answer = await cluster.request({ path, method: "POST", body });
    return JSON.stringify(answer.body).includes("ValidatingAdmissionPolicy") || undefined;
  });
}
