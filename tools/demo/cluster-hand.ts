import {
  type ControlPlane,
  controlPlaneMissing,
  kubectlMissing,
  startControlPlane,
} from "#test/harness/control-plane.ts";
import type { ClusterPlace } from "#test/harness/control-plane-installation.ts";
import { KubectlFailed } from "#test/harness/control-plane-client.ts";
import { versionOf } from "#tools/parts/command.ts";
import { bringKube } from "#tools/parts/kube.ts";
import { settlingMs } from "#controller/admission/proven.ts";
import type { GrantStatus } from "#kinds/index.ts";
import { eventually } from "#test/harness/process.ts";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { grantFile } from "./grant-file.ts";
import type { Hand } from "./hand.ts";
import type { Screen } from "./screen.ts";
import type { Story } from "./story.ts";

const person = "ada";

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

/** The objects' cluster, and the kubeconfig of the person of the story. */
export interface DemoCluster {
  readonly cluster: ControlPlane;
  readonly namespace: string;
  readonly kubeconfig: string;
  /** Kubeconfig of who approves. */
  readonly reviewer: string;
  /** Wall clock when the admission policies had come into force; reviews count some time after. */
  readonly admittedMs: number;
}

/** Lets the people of the story ask and decide, in their own name and no more. */
export async function admitPerson(cluster: ControlPlane, place: ClusterPlace): Promise<DemoCluster> {
  const admittedMs = Date.now();
  const kubeconfig = await place.kubeconfigFor(person, "sallyport-requester");
  const reviewer = await place.kubeconfigFor("grace", "sallyport-reviewer");
  return { cluster, namespace: place.namespace, kubeconfig, reviewer, admittedMs };
}

/** kubectl in the hands of that person. */
export function clusterHand(at: DemoCluster, screen: Screen): Hand {
  const deletions = new Map<string, Promise<unknown>>();
  const kubectl = (args: readonly string[], stdin?: string): Promise<string> => runKubectl(at, screen, args, stdin);
  return {
    declares: (grant) => `${person} asks for access: kubectl apply (Grant ${grant.name})`,
    async declare(grant) {
      await kubectl(["apply", "--filename", "-"], grantFile({ ...grant, requester: person }));
    },
    reports: "kubectl wait --for=condition=Active returns, and kubectl get access shows it",
    async untilActive({ name }) {
      await kubectl(["wait", "--for=condition=Active", `grant/${name}`, "--timeout=60s"]);
      await kubectl(["get", "access"]);
      const path = `/apis/sallyport.dev/v1alpha1/namespaces/${at.namespace}/grants/${name}`;
      const { body } = await at.cluster.request({ path });
      return (body as { status: { grantID: string } }).status.grantID;
    },
    withdraws: ({ name }) => `kubectl delete grant ${name}`,
    withdraw({ name }) {
      // It returns when the access is gone from AWS as well: awaited in `untilGone`.
      const deletion = kubectl(["delete", "grant", name, "--timeout=60s"]);
      deletion.catch(() => {});
      deletions.set(name, deletion);
      return Promise.resolve();
    },
    async untilGone({ name }) {
      await deletions.get(name);
      return {
        what: "kubectl delete waited for it",
        observation: `grant/${name} went when AWS had nothing left of it`,
      };
    },
    setsPolicy: (name) => `policy is applied (${name}.yaml): owning orders takes an administrator's word`,
    async setPolicy(_name, yaml) {
      await at.cluster.kubectl(["--namespace", at.namespace, "apply", "--filename", "-"], { stdin: yaml });
    },
    approves: "approves it by kubectl",
    approve: (grantID, approver) => approveByKubectl(at, screen, grantID, approver),
    useClient: (url, story) => usePsql(url, story, screen),
  };
}

/** A GrantReview in the reviewer's own name, of exactly what stands there now. */
async function approveByKubectl(at: DemoCluster, screen: Screen, grantID: string, approver: string): Promise<void> {
  const path = `/apis/sallyport.dev/v1alpha1/namespaces/${at.namespace}/grants`;
  const { body } = await at.cluster.request({ path });
  const { items } = body as { items: { metadata: { name: string }; status?: GrantStatus }[] };
  const grant = items.find(({ status }) => status?.grantID === grantID);
  const review = `apiVersion: sallyport.dev/v1alpha1
kind: GrantReview
metadata:
  name: ${approver}-says-yes
spec:
  grantRef:
    name: ${grant?.metadata.name}
  grantDigest: ${grant?.status?.review?.digest}
  decision: Approve
  reviewer:
    username: ${approver}
  comment: this price only
`;
  const isCounting = (): true | undefined => Date.now() > at.admittedMs + settlingMs + 2_000 || undefined;
  await eventually("the admission policies have been in force for long enough", isCounting, settlingMs + 10_000);
  for (const line of review.trimEnd().split("\n")) {
    screen.quote("grantreview.yaml", line);
  }
  screen.quote(approver, "$ kubectl create --filename grantreview.yaml");
  await runKubectl({ ...at, kubeconfig: at.reviewer }, screen, ["create", "--filename", "-"], review);
}

/** Shows that the API server holds people to their own name. */
export async function tellAdmission(at: DemoCluster, story: Story, screen: Screen): Promise<void> {
  await story.step(`${person} may not ask in another person's name`, async () => {
    const grant = { name: "in-her-name", person, database: "orders", role: "read_only", requester: "margaret" };
    const refused = await runKubectl(at, screen, ["apply", "--filename", "-"], grantFile(grant)).catch(
      (error: unknown) => error,
    );
    const reason = refused instanceof KubectlFailed ? refused.stderr.trim() : "it was allowed";
    screen.quote("kubectl", reason);
    const holds = reason.includes("is margaret, but you are ada");
    story.prove("nobody asks in another's name", holds, "refused by the API server's admission policy");
  });
}

/** The plain client that people have, beside the library that the story goes on with. */
async function usePsql(url: string, story: Story, screen: Screen): Promise<void> {
  if (versionOf("psql") === undefined) {
    screen.text("  psql is left out: it is not on this machine");
    return;
  }
  await story.step("psql connects through it", async () => {
    const sql = "select name, country from customers order by id limit 2";
    const { stdout } = await promisify(execFile)("psql", [url, "--no-psqlrc", "--csv", "--command", sql]);
    for (const line of stdout.trimEnd().split("\n")) {
      screen.quote("psql", line);
    }
    story.prove("psql works unchanged", stdout.trim().split("\n").length === 3, sql);
  });
}

async function runKubectl(
  { cluster, namespace, kubeconfig }: DemoCluster,
  screen: Screen,
  args: readonly string[],
  stdin?: string,
): Promise<string> {
  const options = { kubeconfig, ...(stdin === undefined ? {} : { stdin }) };
  const said = await cluster.kubectl(["--namespace", namespace, ...args], options);
  for (const line of said.trimEnd().split("\n")) {
    screen.quote("kubectl", line);
  }
  return said;
}
