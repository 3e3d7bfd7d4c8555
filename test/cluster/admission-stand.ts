import path from "node:path";
import { type ControlPlane, kubectlMissing } from "#test/harness/control-plane.ts";
import type { ApiAnswer } from "#test/harness/control-plane-client.ts";
import { givenControlPlane } from "#test/harness/given-control-plane.ts";
import { eventually } from "#test/harness/process.ts";

const manifests = path.join(import.meta.dirname, "..", "..", "manifests");

/** Where the controller lives in these tests, as in the manifests. */
export const controllerNamespace = "sallyport-system";

/** A control plane with our CRDs, roles and admission policies in force. */
export interface AdmissionStand {
  readonly plane: ControlPlane;
  /** Token of the controller's own service account. */
  readonly controller: string;
  /** A person whom the cluster knows as `oidc:NAME`, bound to those ClusterRoles in every namespace. */
  person(name: string, ...roles: readonly string[]): Promise<string>;
  /** A service account, bound to those ClusterRoles in every namespace. */
  account(namespace: string, name: string, ...roles: readonly string[]): Promise<string>;
  /** Creates, and answers what the server said. */
  create(token: string, object: Manifest): Promise<ApiAnswer>;
  /** JSON merge patch. */
  patch(token: string, object: Manifest, change: object, subresource?: string): Promise<ApiAnswer>;
  remove(token: string, object: Manifest): Promise<ApiAnswer>;
  get(object: Manifest): Promise<Manifest>;
}

/** An object of ours as a test writes it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly finalizers?: readonly string[];
  };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly data?: Readonly<Record<string, string>>;
  readonly status?: unknown;
}

/** Parameters of the tests' installation: people are `oidc:NAME`. */
export const parameters = {
  usernamePrefix: "oidc:",
  trustedRequesters: "\nsystem:serviceaccount:flux-system:kustomize-controller\n",
  pipelines: "system:serviceaccount:ci:release release-bot\n",
  notAfterMax: "720h",
};

/** As `givenControlPlane`: one stand for all tests of a file, ready when a request that must be refused is. */
export function givenAdmissionStand(setUp: (stand: AdmissionStand) => Promise<void> | void): void {
  givenControlPlane(async (plane) => setUp(await prepare(plane)), kubectlMissing());
}

async function prepare(plane: ControlPlane): Promise<AdmissionStand> {
  await plane.installCRDs();
  await plane.request({ method: "POST", path: "/api/v1/namespaces", body: namespace(controllerNamespace) });
  const stand = standOn(plane, await plane.serviceAccountToken(controllerNamespace, "sallyport-controller"));
  await plane.kubectl(["apply", "-k", path.join(manifests, "rbac")]);
  await plane.kubectl(["apply", "-k", path.join(manifests, "admission")]);
  const configured = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "sallyport-admission", namespace: controllerNamespace },
  };
  await stand.patch(plane.adminToken, configured, { data: parameters });
  await untilInForce(stand);
  return stand;
}

/** Policies count a moment after they are there: until each of them has refused something, and the parameters are seen. */
async function untilInForce(stand: AdmissionStand): Promise<void> {
  const { plane } = stand;
  const writer = await stand.person("probe", "sallyport-requester", "sallyport-reviewer", "sallyport-viewer");
  await plane.kubectl([
    "create",
    "clusterrole",
    "test-policy-writer",
    "--verb=*",
    "--resource=accessworkflows.sallyport.dev",
  ]);
  const policyWriter = await stand.person("probe-policies", "test-policy-writer");
  const own = { requester: { username: "probe" } };
  const marked = {
    ...aGrant("probe", own),
    metadata: { name: "probe", annotations: { "sallyport.dev/origin": "api" } },
  };
  const refused: readonly (readonly [token: string, object: Manifest])[] = [
    [writer, aGrant("probe", { requester: { username: "somebody-else" } })],
    [writer, aReview("probe", "somebody-else")],
    [writer, marked],
    [policyWriter, aWorkflow("probe")],
  ];
  for (const [token, object] of refused) {
    await eventually(`a ${object.kind} that must be refused is`, async () => {
      const { status } = await stand.create(token, object);
      await stand.remove(plane.adminToken, object);
      return status >= 400 || undefined;
    });
  }
  let said: unknown;
  const allowed = aGrant("probe", own);
  await eventually(
    () => `a Grant that must be taken is: ${JSON.stringify(said)}`,
    async () => {
      const { status, body } = await stand.create(writer, allowed);
      said = body;
      return status < 400 || undefined;
    },
  );
  await stand.remove(plane.adminToken, allowed);
}

function standOn(plane: ControlPlane, controller: string): AdmissionStand {
  return {
    plane,
    controller,
    async person(name, ...roles) {
      await bind(plane, { apiGroup: "rbac.authorization.k8s.io", kind: "User", name: `oidc:${name}` }, roles);
      return plane.tokenFor(`oidc:${name}`);
    },
    async account(space, name, ...roles) {
      const token = await plane.serviceAccountToken(space, name);
      await bind(plane, { kind: "ServiceAccount", namespace: space, name }, roles);
      return token;
    },
    create: (token, object) => plane.request({ method: "POST", path: collection(object), body: object, token }),
    patch: (token, object, change, subresource) =>
      plane.request({
        method: "PATCH",
        path: `${pathOf(object)}${subresource === undefined ? "" : `/${subresource}`}`,
        body: change,
        contentType: "application/merge-patch+json",
        token,
      }),
    remove: (token, object) => plane.request({ method: "DELETE", path: pathOf(object), token }),
    get: async (object) => (await plane.request({ path: pathOf(object) })).body as Manifest,
  };
}

let bindings = 0;

async function bind(plane: ControlPlane, subject: object, roles: readonly string[]): Promise<void> {
  for (const role of roles) {
    bindings += 1;
    const body = {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: `test-${bindings}` },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
      subjects: [subject],
    };
    await plane.request({ method: "POST", path: "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", body });
  }
}

const plurals: Readonly<Record<string, string>> = {
  Grant: "grants",
  GrantReview: "grantreviews",
  AccessWorkflow: "accessworkflows",
  Availability: "availabilities",
  Database: "databases",
  Proxy: "proxies",
  ConfigMap: "configmaps",
};

function collection({ apiVersion, kind, metadata }: Manifest): string {
  const root = apiVersion === "v1" ? "/api/v1" : `/apis/${apiVersion}`;
  return `${root}/namespaces/${metadata.namespace ?? "default"}/${plurals[kind] ?? ""}`;
}

function pathOf(object: Manifest): string {
  return `${collection(object)}/${object.metadata.name}`;
}

function namespace(name: string): object {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}

/** A Grant for ada; its notAfterTime is a day from now. */
export function aGrant(name: string, spec: Readonly<Record<string, unknown>> = {}): Manifest {
  return {
    apiVersion: "sallyport.dev/v1alpha1",
    kind: "Grant",
    metadata: { name },
    spec: {
      principal: { name: "ada" },
      databaseRef: { name: "orders" },
      roleName: "read_only",
      durationSeconds: 3600,
      notAfterTime: inHours(24),
      ...spec,
    },
  };
}

/** An approval by `reviewer`, a person unless `kind` says otherwise. */
export function aReview(name: string, reviewer: string | undefined, kind?: "User" | "Pipeline"): Manifest {
  return {
    apiVersion: "sallyport.dev/v1alpha1",
    kind: "GrantReview",
    metadata: { name },
    spec: {
      grantRef: { name: "ada" },
      grantDigest: `sha256:${"0".repeat(64)}`,
      decision: "Approve",
      ...(reviewer === undefined ? {} : { reviewer: { username: reviewer, ...(kind === undefined ? {} : { kind }) } }),
    },
  };
}

/** A workflow that approves at once. */
export function aWorkflow(name: string): Manifest {
  return {
    apiVersion: "sallyport.dev/v1alpha1",
    kind: "AccessWorkflow",
    metadata: { name },
    spec: { maxDurationSeconds: 3600 },
  };
}

/** A Proxy whose ECS service goes with it. */
export function aProxy(name: string): Manifest {
  return {
    apiVersion: "sallyport.dev/v1alpha1",
    kind: "Proxy",
    metadata: { name },
    spec: {
      ecs: {
        accountID: "111122223333",
        region: "eu-west-1",
        clusterName: "sallyport",
        serviceName: name,
        taskDefinitionFamily: "sallyport-proxy",
        containerName: "proxy",
      },
      identityCenter: {
        instanceARN: "arn:aws:sso:::instance/ssoins-1234567890abcdef",
        identityStoreID: "d-1234567890",
        region: "eu-west-1",
      },
      service: {
        image: "example.com/sallyport:0.1.0",
        desiredCount: 1,
        cpu: 256,
        memoryMiB: 512,
        taskRoleARN: "arn:aws:iam::111122223333:role/sallyport-proxy",
        executionRoleARN: "arn:aws:iam::111122223333:role/sallyport-execution",
        subnetIDs: ["subnet-0123456789abcdef0"],
        securityGroupIDs: ["sg-0123456789abcdef0"],
        assignPublicIP: "Disabled",
      },
    },
  };
}

/** RFC 3339 of that many hours from now. */
export function inHours(hours: number): string {
  return new Date(Date.now() + hours * 3_600_000).toISOString();
}

/** Who asks, as a Grant says it. */
export const by = (username: string) => ({ requester: { username } });

let made = 0;

/** A name that no other object of this file has. */
export function fresh(): string {
  made += 1;
  return `test-${made}`;
}

/** The API server's reason for an answer. */
export function said({ body }: ApiAnswer): string {
  return (body as { message?: string }).message ?? "";
}
