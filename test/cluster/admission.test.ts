import { describe, expect, it } from "vitest";
import type { ApiAnswer } from "#test/harness/control-plane-client.ts";
import {
  type AdmissionStand,
  aGrant,
  aReview,
  aWorkflow,
  controllerNamespace,
  inHours,
  type Manifest,
  by,
  fresh,
  givenAdmissionStand,
  said,
} from "./admission-stand.ts";
import { type AdmissionPeople, startAdmissionPeople } from "./admission-people.ts";

let stand: AdmissionStand;
let people: AdmissionPeople;

givenAdmissionStand(async (started) => {
  stand = started;
  people = await startAdmissionPeople(stand);
});

describe("who asks for a Grant", () => {
  it("is the person who is signed in to the cluster, by their name in Identity Center", async () => {
    expect(await stand.create(people.ada, aGrant(fresh(), by("ada")))).toMatchObject({ status: 201 });

    const forBob = await stand.create(people.ada, aGrant(fresh(), by("bob")));
    expect(forBob.status).toBe(403);
    expect(said(forBob)).toContain(
      "spec.requester.username is bob, but you are ada. A Grant is asked for in one's own name: set it to ada.",
    );
    const nobody = await stand.create(people.ada, aGrant(fresh()));
    expect(said(nobody)).toContain("spec.requester.username must be there and name you. Set it to ada.");
  });

  it("may ask for somebody else's access in their own name", async () => {
    const answer = await stand.create(people.bob, aGrant(fresh(), { principal: { name: "ada" }, ...by("bob") }));

    expect(answer.status).toBe(201);
  });

  it("is nobody where the user name lacks the prefix: a certificate, a service account, a bare name", async () => {
    const { plane } = stand;
    for (const user of ["ada", "system:admin", "oidc:"]) {
      const token = plane.tokenFor(user, ["system:masters"]);
      for (const requester of ["ada", user, ""]) {
        const spec = requester === "" ? {} : by(requester);
        const answer = await stand.create(token, aGrant(fresh(), spec));
        expect([user, requester, answer.status]).toEqual([user, requester, 403]);
        expect(said(answer)).toContain(`the user ${user} is nobody in IAM Identity Center`);
      }
    }
    expect(said(await stand.create(people.release, aGrant(fresh(), by("ada"))))).toContain("trustedRequesters");
  });

  it("may be anybody, or nobody, where a listed pipeline or the controller creates it", async () => {
    for (const token of [people.flux, stand.controller]) {
      expect(await stand.create(token, aGrant(fresh(), by("ada")))).toMatchObject({ status: 201 });
      expect(await stand.create(token, aGrant(fresh()))).toMatchObject({ status: 201 });
    }
  });

  it("is held to the same by kubectl's server-side apply and by a dry run", async () => {
    const { plane } = stand;
    const kubeconfig = plane.kubeconfigFor("oidc:ada");
    const stdin = JSON.stringify(aGrant(fresh(), by("bob")));

    for (const flags of [["--server-side"], ["--dry-run=server"]]) {
      await expect(plane.kubectl(["apply", ...flags, "-f", "-"], { stdin, kubeconfig })).rejects.toThrow(/you are ada/);
    }
  });
});

describe("break-glass", () => {
  const urgent = { urgency: "BreakGlass", reason: "INC-1" };

  it("is asked for by whoever needs it, and by the control API for them; not by a pipeline that may name people otherwise", async () => {
    for (const token of [people.ada, stand.controller]) {
      expect(await stand.create(token, aGrant(fresh(), { ...by("ada"), ...urgent }))).toMatchObject({ status: 201 });
    }
    const answer = await stand.create(people.flux, aGrant(fresh(), { ...by("ada"), ...urgent }));

    expect(answer.status).toBe(403);
    expect(said(answer)).toContain("asked for by whoever needs it");
  });
});

describe("how long a Grant may be asked for", () => {
  it("is bounded from its creation, for pipelines too, whatever creationTimestamp the object claims", async () => {
    const far = { notAfterTime: inHours(721) };
    for (const [token, spec] of [
      [people.ada, { ...far, ...by("ada") }],
      [people.flux, far],
    ] as const) {
      const claimed = {
        ...aGrant(fresh(), spec),
        metadata: { name: fresh(), creationTimestamp: "2099-01-01T00:00:00Z" },
      };
      const answer = await stand.create(token, claimed);
      expect(answer.status).toBe(422);
      expect(said(answer)).toContain(
        `spec.notAfterTime is ${far.notAfterTime}, which is more than 720h from now. Ask for an earlier one.`,
      );
    }

    expect(await stand.create(people.ada, aGrant(fresh(), { notAfterTime: inHours(719), ...by("ada") }))).toMatchObject(
      { status: 201 },
    );
  });
});

describe("who extends and ends a Grant", () => {
  it("extends: requester, principal, pipeline, administrator, and nobody else", async () => {
    const longer = (extensionCount: number) => ({ spec: { extensionCount } });
    const grant = aGrant(fresh(), by("bob"));
    await stand.create(people.bob, grant);
    const stranger = await stand.person("mallory", "sallyport-requester");

    const refused = await stand.patch(stranger, grant, longer(1));
    expect(refused.status).toBe(403);
    expect(said(refused)).toContain(
      "may be raised only by the Grant's requester or principal, or by an administrator; you are mallory.",
    );

    for (const [index, token] of [people.bob, people.ada, people.flux, people.administrator].entries()) {
      expect(await stand.patch(token, grant, longer(index + 1))).toMatchObject({ status: 200 });
    }
  });

  it("ends: whoever may change Grants, since less access is always allowed", async () => {
    const grant = aGrant(fresh(), by("bob"));
    await stand.create(people.bob, grant);
    const colleague = await stand.person("eve", "sallyport-requester");

    expect(await stand.patch(colleague, grant, { spec: { revocation: { reason: "laptop stolen" } } })).toMatchObject({
      status: 200,
    });
    expect(await stand.remove(colleague, grant)).toMatchObject({ status: 200 });
  });
});

describe("who reviews", () => {
  it("is the person who is signed in to the cluster", async () => {
    expect(await stand.create(people.grace, aReview(fresh(), "grace"))).toMatchObject({ status: 201 });
    expect(await stand.create(people.grace, aReview(fresh(), "grace", "User"))).toMatchObject({ status: 201 });

    const other = await stand.create(people.grace, aReview(fresh(), "ada"));
    expect(other.status).toBe(403);
    expect(said(other)).toContain(
      "spec.reviewer.username is ada, but you are grace. A review is given in one's own name.",
    );
    expect(said(await stand.create(people.grace, aReview(fresh(), undefined)))).toContain(
      "must be there and name you. Set it to grace.",
    );
  });

  it("is a pipeline only for an account that is listed under that pipeline's name", async () => {
    expect(await stand.create(people.release, aReview(fresh(), "release-bot", "Pipeline"))).toMatchObject({
      status: 201,
    });

    for (const [token, name] of [
      [people.release, "deploy-bot"],
      [people.flux, "release-bot"],
      [people.grace, "release-bot"],
    ] as const) {
      const answer = await stand.create(token, aReview(fresh(), name, "Pipeline"));
      expect(answer.status).toBe(403);
      expect(said(answer)).toContain(`may not review as the pipeline ${name}`);
    }
  });

  it("is never a person where a pipeline or a service account creates the review", async () => {
    for (const token of [people.flux, people.release]) {
      const answer = await stand.create(token, aReview(fresh(), "grace"));
      expect(answer.status).toBe(403);
      expect(said(answer)).toContain("who is nobody in IAM Identity Center");
    }
  });

  it("is whom the control API knows, where the controller creates it", async () => {
    expect(await stand.create(stand.controller, aReview(fresh(), "grace"))).toMatchObject({ status: 201 });
  });
});

describe("who says who may get what", () => {
  const parameters: Manifest = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "sallyport-admission", namespace: controllerNamespace },
  };

  it("is an administrator of the installation: all rights in one namespace, or on all of our kinds, are not enough", async () => {
    const outsider = await stand.person("insider", "sallyport-requester");
    const workflow = aWorkflow(fresh());
    expect(await stand.create(outsider, workflow)).toMatchObject({ status: 403 });

    const refused = await stand.create(people.namespaceOwner, workflow);
    expect(refused.status).toBe(403);
    expect(said(refused)).toContain(
      `the AccessWorkflow ${workflow.metadata.name} may be written only by administrators of Sallyport, and oidc:owner is none.`,
    );
    expect(await stand.create(people.administrator, workflow)).toMatchObject({ status: 201 });
    expect(await stand.patch(people.namespaceOwner, workflow, { spec: { maxDurationSeconds: 7200 } })).toMatchObject({
      status: 403,
    });
    expect(await stand.patch(people.administrator, workflow, { spec: { maxDurationSeconds: 7200 } })).toMatchObject({
      status: 200,
    });
    expect(await stand.remove(people.namespaceOwner, workflow)).toMatchObject({ status: 403 });
    expect(await stand.remove(people.administrator, workflow)).toMatchObject({ status: 200 });
  });

  it("is a GitOps controller that is given that right", async () => {
    expect(await stand.create(people.flux, aWorkflow(fresh()))).toMatchObject({ status: 201 });
  });

  it("lets Kubernetes' garbage collector finish what was deleted in the foreground, and change nothing else", async () => {
    const workflow = aWorkflow(fresh());
    await stand.create(people.administrator, workflow);
    const account = "system:serviceaccount:kube-system:generic-garbage-collector";
    const verbs = "--verb=get,list,watch,patch,update,delete";
    await stand.plane.kubectl(["create", "clusterrole", "test-collector", verbs, "--resource=*.sallyport.dev"]);
    await stand.plane.kubectl([
      "create",
      "clusterrolebinding",
      "test-collector",
      "--clusterrole=test-collector",
      `--user=${account}`,
    ]);
    const collector = stand.plane.tokenFor(account);
    // As the API server marks it for `--cascade=foreground`, where a garbage collector runs.
    await stand.patch(people.administrator, workflow, { metadata: { finalizers: ["foregroundDeletion"] } });
    await stand.remove(people.administrator, workflow);
    expect((await stand.get(workflow)).metadata.finalizers).toEqual(["foregroundDeletion"]);

    expect(await stand.patch(collector, workflow, { spec: { maxDurationSeconds: 7200 } })).toMatchObject({
      status: 403,
    });
    const none = { metadata: { finalizers: null } };
    await stand.plane.kubectl([
      "create",
      "clusterrole",
      "test-writer",
      "--verb=patch",
      "--resource=accessworkflows.sallyport.dev",
    ]);
    expect(await stand.patch(await stand.person("writer", "test-writer"), workflow, none)).toMatchObject({
      status: 403,
    });
    expect(await stand.patch(collector, workflow, none)).toMatchObject({ status: 200 });
    expect(await stand.get(workflow)).toMatchObject({ code: 404 });
  });

  it("covers the parameters of these policies, and no other ConfigMap", async () => {
    await stand.plane.kubectl([
      "create",
      "rolebinding",
      "owner",
      "--clusterrole=admin",
      "--user=oidc:owner",
      "-n",
      controllerNamespace,
    ]);
    await stand.plane.kubectl(["create", "clusterrole", "test-configmaps", "--verb=*", "--resource=configmaps"]);
    const writer = await stand.person("config-writer", "test-configmaps");

    expect(await stand.patch(writer, parameters, { data: { trustedRequesters: "oidc:config-writer" } })).toMatchObject({
      status: 403,
    });
    expect(await stand.remove(writer, parameters)).toMatchObject({ status: 403 });
    const other = { ...parameters, metadata: { name: fresh(), namespace: controllerNamespace } };
    expect(await stand.create(writer, other)).toMatchObject({ status: 201 });
  });

  it("lets Kubernetes clear away what goes with its namespace or its owner", async () => {
    const { plane } = stand;
    for (const user of ["namespace-controller", "generic-garbage-collector"]) {
      const token = plane.tokenFor(`system:serviceaccount:kube-system:${user}`, [
        "system:serviceaccounts",
        "system:serviceaccounts:kube-system",
      ]);
      const workflow = aWorkflow(fresh());
      await stand.create(people.administrator, workflow);
      const grant = aGrant(fresh(), by("ada"));
      await stand.create(people.ada, grant);

      expect(await stand.remove(token, workflow)).toMatchObject({ status: 200 });
      expect(await stand.remove(token, grant)).toMatchObject({ status: 200 });
    }
  });
});

describe("an installation without its parameters", () => {
  it("takes no Grant and no review, and lets the controller still finish what it began", async () => {
    const { plane } = stand;
    const parameters: Manifest = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "sallyport-admission", namespace: controllerNamespace },
    };
    const grant = aGrant(fresh(), by("ada"));
    await stand.create(people.ada, grant);
    await stand.patch(stand.controller, grant, { metadata: { finalizers: ["sallyport.dev/revoke"] } });
    const before = (await stand.get(parameters)).data;

    await stand.remove(people.administrator, parameters);
    await stand.remove(plane.adminToken, parameters);

    let refused: ApiAnswer;
    do {
      refused = await stand.create(people.grace, aReview(fresh(), "grace"));
    } while (refused.status < 400);
    expect(said(refused)).toContain("no params found");
    expect(
      await stand.patch(stand.controller, grant, { status: { grantID: `g${"c".repeat(26)}` } }, "status"),
    ).toMatchObject({ status: 200 });
    await stand.create(plane.adminToken, { ...parameters, data: before ?? {} });
  });
});
