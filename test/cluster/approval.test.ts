import { afterAll, describe, expect, test } from "vitest";
import { settlingMs } from "#controller/admission/proven.ts";
import { grantFile } from "#tools/demo/grant-file.ts";
import { type ControlPlane, kubectlMissing } from "#test/harness/control-plane.ts";
import { givenControlPlane } from "#test/harness/given-control-plane.ts";
import { type ClusterPlace, prepareCluster } from "#test/harness/control-plane-installation.ts";
import { type Installation, startInstallation } from "#test/harness/installation.ts";
import { eventually } from "#test/harness/process.ts";

let place: ClusterPlace;
let cluster: ControlPlane;
let installation: Installation;
type Kubectl = (args: readonly string[], stdin?: string) => Promise<string>;
/** Ada may ask, grace and linus may review; the administrator of the cluster may do everything. */
let ada: Kubectl;
let grace: Kubectl;
let linus: Kubectl;
let administrator: Kubectl;

/** A group of the identity store decides, of whom grace is a member and linus is not; linus may still create reviews. */
const policy = `
apiVersion: sallyport.dev/v1alpha1
kind: AccessWorkflow
metadata: { name: by-administrators }
spec:
  maxDurationSeconds: 3600
  priority: 1000
  approvalSteps:
    - { name: lead, approvers: [{ kind: Group, name: administrators }] }
  breakGlass:
    subjects: [{ kind: Group, name: developers }]
---
apiVersion: sallyport.dev/v1alpha1
kind: Availability
metadata: { name: reviewed }
spec:
  subjects: [{ kind: Group, name: developers }]
  workflowRef: { name: by-administrators }
  roleNames: [app_owner]
  databaseRefs: [{ name: orders }]
`;

givenControlPlane(async (started) => {
  cluster = started;
  installation = await startInstallation({
    async place(folder) {
      place = await prepareCluster(started, folder);
      return place.controllerArguments;
    },
  });
  administrator = (args, stdin) =>
    started.kubectl(["--namespace", place.namespace, ...args], stdin === undefined ? {} : { stdin });
  const as = async (name: string, role: "sallyport-requester" | "sallyport-reviewer"): Promise<Kubectl> => {
    const kubeconfig = await place.kubeconfigFor(name, role);
    return (args, stdin) =>
      started.kubectl(["--namespace", place.namespace, ...args], {
        kubeconfig,
        ...(stdin === undefined ? {} : { stdin }),
      });
  };
  ada = await as("ada", "sallyport-requester");
  grace = await as("grace", "sallyport-reviewer");
  linus = await as("linus", "sallyport-reviewer");
  await administrator(["apply", "--filename", "-"], policy);
}, kubectlMissing());
afterAll(() => installation?.stop());

const own = { person: "ada", database: "orders", role: "app_owner", requester: "ada" };

/** What a Grant or a review says of itself. */
function ask(what: string, jsonpath: string): Promise<string> {
  return administrator(["get", what, "--output", `jsonpath=${jsonpath}`]);
}

const reasonOf = (what: string): Promise<string> => ask(what, `{.status.conditions[?(@.type=="Ready")].reason}`);

/** Asks as ada, and answers what reviewers must state. */
async function request(name: string): Promise<string> {
  await ada(["apply", "--filename", "-"], grantFile({ ...own, name }));
  return eventually(`grant ${name} waits for approval`, async () => {
    const digest = await ask(`grant/${name}`, "{.status.review.digest}");
    return digest === "" ? undefined : digest;
  });
}

function review(name: string, grant: string, digest: string, reviewer: string, decision = "Approve"): string {
  return JSON.stringify({
    apiVersion: "sallyport.dev/v1alpha1",
    kind: "GrantReview",
    metadata: { name },
    spec: { grantRef: { name: grant }, grantDigest: digest, decision, reviewer: { username: reviewer }, comment: "x" },
  });
}

/** Reviews of kubectl count some time after the policies were put there. */
async function untilCounting(): Promise<void> {
  const times = await cluster.kubectl([
    "get",
    "validatingadmissionpolicybindings",
    "--output=jsonpath={.items[*].metadata.creationTimestamp}",
  ]);
  const newest = Math.max(...times.split(" ").map((time) => Date.parse(time)));
  const isOver = (): true | undefined => Date.now() > newest + settlingMs + 2_000 || undefined;
  await eventually("the policies have been in force for long enough", isOver, settlingMs + 10_000);
}

async function decided(name: string): Promise<string> {
  return eventually(`review ${name} is decided on`, async () => {
    const reason = await reasonOf(`grantreview/${name}`);
    return reason === "" ? undefined : reason;
  });
}

describe("a review made with kubectl", () => {
  test("does not count where it was made before the policies are known to be in force", async () => {
    const digest = await request("early");
    await grace(["create", "--filename", "-"], review("early", "early", digest, "grace"));

    expect(await decided("early")).toBe("ReviewerNotVerified");
    expect(await reasonOf("grant/early")).toBe("PendingApproval");
  });

  test("counts when an authenticated approver made it; nobody makes it in another's name, and who is no approver is told", async () => {
    const digest = await request("one");
    await untilCounting();
    const forged = linus(["create", "--filename", "-"], review("forged", "one", digest, "grace"));
    await expect(forged).rejects.toThrow("you are linus");
    await linus(["create", "--filename", "-"], review("outsider", "one", digest, "linus"));
    const outsider = await decided("outsider");
    const waiting = await reasonOf("grant/one");

    await grace(["create", "--filename", "-"], review("by-grace", "one", digest, "grace"));
    await ada(["wait", "--for=condition=Active", "grant/one", "--timeout=30s"]);

    expect([outsider, waiting]).toEqual(["NotAnApprover", "PendingApproval"]);
    expect(await reasonOf("grantreview/by-grace")).toBe("Counted");
    expect(await ask("grant/one", "{.status.approvalKind} {.status.approvals[*].reviewer}")).toBe("Reviewed grace");
    expect(await administrator(["get", "grant", "one"])).toMatch(/Reviewed/);
  });

  test("denies for good, and the name stays ended", async () => {
    const digest = await request("two");
    await untilCounting();
    await grace(["create", "--filename", "-"], review("no", "two", digest, "grace", "Deny"));
    await ada(["wait", "--for=condition=Denied", "grant/two", "--timeout=30s"]);
    await grace(["create", "--filename", "-"], review("yes", "two", digest, "grace"));

    expect(await decided("yes")).toBe("AlreadyDecided");
    expect(await reasonOf("grant/two")).toBe("Denied");
  });

  test("does not count where an administrator of the cluster has taken the policy away to make it, though it is back by then", async () => {
    const digest = await request("three");
    await cluster.kubectl(["delete", "validatingadmissionpolicybinding", "sallyport-reviewer"]);
    const forged = await eventually("the policy is gone", async () =>
      linus(["create", "--filename", "-"], review("forged-three", "three", digest, "grace")).then(
        () => true,
        () => undefined,
      ),
    );
    await cluster.kubectl(["apply", "-k", "manifests/admission"]);

    expect(forged).toBe(true);
    expect(await decided("forged-three")).toBe("ReviewerNotVerified");
    expect(await reasonOf("grant/three")).toBe("PendingApproval");
  });
});

describe("break-glass with kubectl", () => {
  test("gives access at once to whom the workflow names, who is known to ask for it, and says so", async () => {
    await untilCounting();
    const file = grantFile({ ...own, name: "urgent" }).replace("spec:", "spec:\n  urgency: BreakGlass");

    await ada(["apply", "--filename", "-"], file);
    await ada(["wait", "--for=condition=Active", "grant/urgent", "--timeout=30s"]);

    expect(await ask("grant/urgent", "{.status.approvalKind}")).toBe("BreakGlass");
    expect(await ask("grant/urgent", '{.status.conditions[?(@.type=="BreakGlass")].status}')).toBe("True");
    const told = await eventually("the Event is there", async () => {
      const events = await administrator(["get", "events.events.k8s.io", "--field-selector", "regarding.name=urgent"]);
      return events.includes("BreakGlassUsed") ? events : undefined;
    });
    expect(told).not.toContain("INC-42");
  });
});

describe("ttlSecondsAfterFinished", () => {
  test("deletes what a person made with kubectl, once it is over", async () => {
    const file = grantFile({ ...own, name: "short", role: "read_only" }).replace(
      "spec:",
      "spec:\n  ttlSecondsAfterFinished: 1",
    );
    await ada(["apply", "--filename", "-"], file);
    await ada(["wait", "--for=condition=Active", "grant/short", "--timeout=30s"]);

    await administrator([
      "patch",
      "grant",
      "short",
      "--type=merge",
      "--patch",
      '{"spec":{"revocation":{"reason":"x"}}}',
    ]);
    await administrator(["wait", "--for=delete", "grant/short", "--timeout=30s"]);

    await expect(administrator(["get", "grant", "short"])).rejects.toThrow("NotFound");
  });
});
