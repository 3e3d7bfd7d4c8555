import {
  type ControlPlane,
  controlPlaneMissing,
  kubectlMissing,
  startControlPlane,
} from "#test/harness/control-plane.ts";
import type { ClusterPlace } from "#test/harness/control-plane-installation.ts";
import { bringKube } from "#tools/parts/kube.ts";
import { grantFile } from "./grant-file.ts";
import type { Hand } from "./hand.ts";
import type { Screen } from "./screen.ts";
import type { Story } from "./story.ts";

/** Starts a real API server, built first where this machine has none. Ends the story with a reason where it cannot be. */
export async function startDemoCluster(story: Story, screen: Screen): Promise<ControlPlane> {
  bringKube((text) => screen.text(`  ${text}`));
  return story.step("a real Kubernetes API server and etcd run", () => {
    const missing = controlPlaneMissing() ?? kubectlMissing();
    if (missing !== undefined) {
      throw new Error(missing);
    }
    return startControlPlane();
  });
}

/** kubectl in the hands of the person themselves, who may ask for access in their own name and no more. */
export async function clusterHand(cluster: ControlPlane, place: ClusterPlace, screen: Screen): Promise<Hand> {
  const person = "ada";
  const kubeconfig = await place.kubeconfigFor(person, "sallyport-requester");
  const deletions = new Map<string, Promise<unknown>>();
  const kubectl = async (args: readonly string[], stdin?: string): Promise<string> => {
    const options = { kubeconfig, ...(stdin === undefined ? {} : { stdin }) };
    const said = await cluster.kubectl(["--namespace", place.namespace, ...args], options);
    for (const line of said.trimEnd().split("\n")) {
      screen.quote("kubectl", line);
    }
    return said;
  };
  return {
    declares: (grant) => `${person} asks for access: kubectl apply (Grant ${grant.name})`,
    declare: async (grant) =>
      void (await kubectl(["apply", "--filename", "-"], grantFile({ ...grant, requester: person }))),
    reports: "kubectl wait --for=condition=Active returns, and kubectl get access shows it",
    async untilActive({ name }) {
      await kubectl(["wait", "--for=condition=Active", `grant/${name}`, "--timeout=60s"]);
      await kubectl(["get", "access"]);
      return kubectl(["get", "grant", name, "--output=jsonpath={.status.grantID}"]);
    },
    withdraws: ({ name }) => `kubectl delete grant ${name}`,
    withdraw({ name }) {
      // It returns when the access is gone from AWS as well: awaited in `untilGone`.
      const deletion = kubectl(["delete", "grant", name, "--timeout=60s"]);
      deletion.catch(() => {});
      deletions.set(name, deletion);
      return Promise.resolve();
    },
    async untilGone({ name }, story) {
      await deletions.get(name);
      story.prove("kubectl delete waited for it", true, `finalizer of grant/${name} removed once AWS had nothing left`);
    },
  };
}
