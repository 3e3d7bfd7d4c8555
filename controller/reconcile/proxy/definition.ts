import { createHash } from "node:crypto";
import { canonicalJson, type Proxy } from "#kinds/index.ts";
import type { DefinitionView } from "../../aws/ecs-port.ts";
import type { ServiceSpec, TaskDefinition } from "../../aws/ports.ts";

/** What the tasks must know of the controller. */
export interface ControllerIdentity {
  /** `https://host:port` that tasks connect to. */
  readonly publicURL: string;
  /** `sha256:` and 64 hexadecimal digits of the certificate's SubjectPublicKeyInfo. */
  readonly pin: string;
  readonly installation: string;
}

/** Tags of what a Proxy makes in ECS. `proxy` is also what people's permission sets are conditioned on. */
export const proxyTags = {
  proxy: "sallyport.dev/proxy",
  installation: "sallyport.dev/installation",
  revision: "sallyport.dev/config-revision",
} as const;

/** Where the proxy listens when the Proxy names no port (crds/proxy.yaml). */
export const proxyPortDefault = 9432;

/** `namespace/name`. */
export function proxyKeyOf(proxy: Proxy): string {
  return `${proxy.metadata.namespace}/${proxy.metadata.name}`;
}

/** Tags by which a service is known to be this Proxy's. */
export function ownershipTags(proxy: Proxy, installation: string): Record<string, string> {
  return { [proxyTags.proxy]: proxyKeyOf(proxy), [proxyTags.installation]: installation };
}

/**
 * Seconds between SIGTERM and SIGKILL: the longest that Fargate takes. A task that must stop all the same, protected or not, gives
 * its sessions most of this time.
 */
export const stopTimeoutSeconds = 120;

/** The task definition that is wanted, and its revision. */
export interface DesiredDefinition {
  readonly definition: TaskDefinition;
  readonly revision: string;
}

/**
 * The task definition that the Proxy's spec asks for, and its revision (`revisionOf`), which is also a tag of the definition for
 * people to see. Undefined without a `spec.service`.
 */
export function desiredDefinition(proxy: Proxy, controller: ControllerIdentity): DesiredDefinition | undefined {
  const { ecs, service, port = proxyPortDefault } = proxy.spec;
  if (service === undefined) {
    return undefined;
  }
  const definition: TaskDefinition = {
    family: ecs.taskDefinitionFamily,
    containerName: ecs.containerName,
    image: service.image,
    cpu: String(service.cpu),
    memory: String(service.memoryMiB),
    taskRoleARN: service.taskRoleARN,
    executionRoleARN: service.executionRoleARN,
    // Ours last: nothing in spec can point a proxy at another controller.
    environment: {
      ...Object.fromEntries((service.environment ?? []).map(({ name, value }) => [name, value])),
      SALLYPORT_PROXY: proxyKeyOf(proxy),
      SALLYPORT_INSTALLATION: controller.installation,
      SALLYPORT_CONTROLLER_URL: controller.publicURL,
      SALLYPORT_CONTROLLER_PIN: controller.pin,
      SALLYPORT_PORT: String(port),
      SALLYPORT_STOP_TIMEOUT_SECONDS: String(stopTimeoutSeconds),
    },
    restartContainer: true,
    stopTimeoutSeconds,
    ...(service.logGroup === undefined ? {} : { log: { group: service.logGroup, region: ecs.region } }),
    tags: ownershipTags(proxy, controller.installation),
  };
  const revision = revisionOf({ definition, foreign: [] });
  return {
    definition: { ...definition, tags: { ...definition.tags, [proxyTags.revision]: revision } },
    revision,
  };
}

/**
 * SHA-256 of everything in a definition that has an effect, its tags left out: what runs is compared with what should run by what
 * it is, whoever registered it and whatever its tags say.
 */
export function revisionOf({ definition, foreign }: Omit<DefinitionView, "arn">): string {
  const { tags: _, ...effect } = definition;
  return createHash("sha256")
    .update(canonicalJson({ ...effect, foreign }))
    .digest("hex");
}

/** The service that the Proxy's spec asks for, with a task definition. Undefined without a `spec.service`. */
export function desiredService(proxy: Proxy, installation: string, taskDefinitionARN: string): ServiceSpec | undefined {
  const { ecs, service } = proxy.spec;
  return service === undefined
    ? undefined
    : {
        clusterName: ecs.clusterName,
        serviceName: ecs.serviceName,
        taskDefinitionARN,
        desiredCount: service.desiredCount,
        subnetIDs: service.subnetIDs,
        securityGroupIDs: service.securityGroupIDs,
        assignPublicIP: service.assignPublicIP === "Enabled",
        tags: ownershipTags(proxy, installation),
      };
}
