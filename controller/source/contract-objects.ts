import type { Grant, ObjectKey } from "#kinds/index.ts";

/** An object as a person writes it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** A Grant of the contract's tests. */
export function grantManifest(name: string, spec: Readonly<Record<string, unknown>> = {}): Manifest {
  return {
    apiVersion: "sallyport.dev/v1alpha1",
    kind: "Grant",
    metadata: { name },
    spec: {
      principal: { name: "ada" },
      databaseRef: { name: "orders" },
      roleName: "read_only",
      durationSeconds: 3600,
      notAfterTime: "2026-02-01T00:00:00Z",
      ...spec,
    },
  };
}

/** A workflow of the contract's tests: a kind without anything to undo. */
export function workflowManifest(name: string, maxDurationSeconds = 3600): Manifest {
  const spec = { maxDurationSeconds };
  return { apiVersion: "sallyport.dev/v1alpha1", kind: "AccessWorkflow", metadata: { name }, spec };
}

/** A Proxy of the contract's tests: its ECS service goes with it, unless the spec says otherwise. */
export function proxyManifest(name: string, spec: Readonly<Record<string, unknown>> = {}): Manifest {
  const ecs = { accountID: "111122223333", region: "eu-west-1", clusterName: "tools", serviceName: "sallyport-proxy" };
  const identityCenter = {
    instanceARN: "arn:aws:sso:::instance/ssoins-6804a1b2c3d4e5f6",
    identityStoreID: "d-93671a2b3c",
    region: "eu-west-1",
  };
  const service = {
    image: "example.com/sallyport:0.1.0",
    desiredCount: 1,
    cpu: 256,
    memoryMiB: 512,
    taskRoleARN: "arn:aws:iam::111122223333:role/sallyport-proxy",
    executionRoleARN: "arn:aws:iam::111122223333:role/sallyport-execution",
    subnetIDs: ["subnet-0123456789abcdef0"],
    securityGroupIDs: ["sg-0123456789abcdef0"],
    assignPublicIP: "Disabled",
  };
  const ecsMore = { containerName: "proxy", taskDefinitionFamily: "sallyport-proxy" };
  return {
    apiVersion: "sallyport.dev/v1alpha1",
    kind: "Proxy",
    metadata: { name },
    spec: { ecs: { ...ecs, ...ecsMore }, identityCenter, service, ...spec },
  };
}

/** The key of a manifest. */
export function keyOfManifest(manifest: Manifest, namespace = "default"): ObjectKey {
  return { kind: manifest.kind as ObjectKey["kind"], namespace, name: manifest.metadata.name };
}

/** A Grant ID of the contract's tests: a source may hold statuses to the schema. */
export const firstID = `g${"a".repeat(26)}`;
/** Another one. */
export const secondID = `g${"b".repeat(26)}`;

/** Status of a Grant that has given access: what taking it away needs is in it. */
export function givenStatus(grantID: string): NonNullable<Grant["status"]> {
  return {
    grantID,
    external: {
      instanceARN: "arn:aws:sso:::instance/ssoins-6804a1b2c3d4e5f6",
      identityStoreID: "d-93671a2b3c",
      region: "eu-west-1",
      accountID: "111122223333",
      principalID: "906712a3-0001-4000-8000-000000000001",
    },
  };
}
