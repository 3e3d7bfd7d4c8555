import path from "node:path";
import { writeKubeconfig } from "#test/harness/control-plane-client.ts";
import type { ControlPlane } from "#test/harness/control-plane.ts";
import { ended, eventuallyWorks, startSallyport } from "#test/harness/process.ts";

interface Job {
  readonly status: { readonly conditions?: readonly object[] };
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly serviceAccountName: string;
        readonly containers: readonly { readonly args: string[] }[];
      };
    };
  };
}

/**
 * Stands in for the job controller and the node, which a bare API server lacks: waits for a Job of ours, runs its command as its service
 * account, and writes down how it ended. Resolves with what it said.
 */
export async function runJob(cluster: ControlPlane, namespace: string, name: string): Promise<readonly string[]> {
  const place = ["--namespace", namespace];
  const job = await eventuallyWorks("the Job is there, and not one that has ended", async () => {
    const found = JSON.parse(await cluster.kubectl(["get", "job", name, ...place, "--output", "json"])) as Job;
    return found.status.conditions === undefined ? found : undefined;
  });
  const { serviceAccountName, containers } = job.spec.template.spec;
  const token = await cluster.serviceAccountToken(namespace, serviceAccountName);
  const file = path.join(path.dirname(cluster.kubeconfigFile), `${name}.kubeconfig`);
  const kubeconfig = writeKubeconfig(file, cluster, serviceAccountName, token);
  const started = startSallyport(containers[0]?.args ?? [], { KUBECONFIG: kubeconfig, HOME: path.dirname(file) });
  const code = await ended(started);
  const answer = await cluster.request({
    method: "PATCH",
    path: `/apis/batch/v1/namespaces/${namespace}/jobs/${name}/status`,
    contentType: "application/merge-patch+json",
    body: { status: statusOf(code) },
  });
  if (answer.status !== 200) {
    throw new Error(`the Job's status was not accepted: ${JSON.stringify(answer.body)}`);
  }
  return started.lines;
}

/** What the job controller writes; the API server checks that its parts agree. */
function statusOf(code: number): object {
  const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const condition = (type: string): object => ({ type, status: "True", lastTransitionTime: now, lastProbeTime: now });
  const common = { startTime: now, uncountedTerminatedPods: {} };
  return code === 0
    ? {
        ...common,
        completionTime: now,
        succeeded: 1,
        conditions: [condition("SuccessCriteriaMet"), condition("Complete")],
      }
    : { ...common, failed: 1, conditions: [condition("FailureTarget"), condition("Failed")] };
}
