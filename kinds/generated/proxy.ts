// Generated from crds/ by `npm run generate`. Do not edit: change the CRD and generate again.
import type { ObjectMeta } from "../meta.ts";
import type { Condition } from "./condition.ts";

/** One shared proxy: an Amazon ECS service in one account and region through which people reach databases. One ECS service belongs to one Proxy. */
export interface Proxy {
  readonly apiVersion: "sallyport.dev/v1alpha1";
  readonly kind: "Proxy";
  readonly metadata: ObjectMeta;
  readonly spec: ProxySpec;
  readonly status?: ProxyStatus;
}

/** Where the proxy runs and who signs in to it. */
export interface ProxySpec {
  /** The ECS service. */
  readonly ecs: ProxySpecEcs;
  /** What the service should look like. Required unless managementPolicy is Observe. */
  readonly service?: ProxySpecService;
  /** The IAM Identity Center instance that gives people their access. */
  readonly identityCenter: ProxySpecIdentityCenter;
  /** Port on the task's loopback address where the proxy listens. Absent means 9432. (1024…65535) */
  readonly port?: number;
  /** Manage creates and updates task definition and service; Observe changes nothing in ECS. Absent means Manage. */
  readonly managementPolicy?: "Manage" | "Observe";
  /** Whether a difference found in ECS is corrected or only reported. Absent means Correct. */
  readonly driftPolicy?: "Correct" | "Report";
  /** Seconds between looks at ECS. Absent means 300. (30…86400) */
  readonly driftCheckPeriodSeconds?: number;
  /** What deleting the Proxy does to the ECS service. Absent means Delete. */
  readonly deletionPolicy?: "Delete" | "Retain";
  /** Changes nothing in ECS while true. Absent means false. */
  readonly suspend?: boolean;
}

/** The ECS service. */
export interface ProxySpecEcs {
  /** AWS account. Immutable. (at most 12 characters) */
  readonly accountID: string;
  /** AWS region. Immutable. (at most 32 characters) */
  readonly region: string;
  /** ECS cluster. Immutable. (at most 255 characters) */
  readonly clusterName: string;
  /** ECS service. Immutable. (at most 255 characters) */
  readonly serviceName: string;
  /** Family of the task definitions. (at most 255 characters) */
  readonly taskDefinitionFamily: string;
  /** Container that runs the proxy. (at most 255 characters) */
  readonly containerName: string;
  /** Role to assume for calls to this account. Absent: the controller's own identity. (at most 1024 characters) */
  readonly assumeRoleARN?: string;
  /** External ID that the role's trust policy asks for; it has an effect with `assumeRoleARN` only. Absent: `sallyport:` and the installation's name. (at most 1224 characters) */
  readonly externalID?: string;
}

/** What the service should look like. Required unless managementPolicy is Observe. */
export interface ProxySpecService {
  /** Container image. (at most 512 characters) */
  readonly image: string;
  /** CPU units of the task, a size that Fargate offers (1024 = one vCPU). */
  readonly cpu: 256 | 512 | 1024 | 2048 | 4096 | 8192 | 16384;
  /** Memory of the task in MiB, 2 to 8 times `cpu`. (512…122880) */
  readonly memoryMiB: number;
  /** Number of tasks. (0…100) */
  readonly desiredCount: number;
  /** Subnets of the tasks. (at most 16) */
  readonly subnetIDs: readonly string[];
  /** Security groups of the tasks. (at most 5) */
  readonly securityGroupIDs: readonly string[];
  /** Whether tasks get a public address. Absent means Disabled. */
  readonly assignPublicIP?: "Enabled" | "Disabled";
  /** Role that the proxy itself has: Secrets Manager, RDS connect, SSM. (at most 1024 characters) */
  readonly taskRoleARN: string;
  /** Role that ECS uses to start the task. (at most 1024 characters) */
  readonly executionRoleARN: string;
  /** Additional environment variables of the container. (at most 64) */
  readonly environment?: readonly ProxySpecServiceEnvironment[];
  /** CloudWatch log group that the tasks' logs go to; it must exist, and the execution role may write to it. Absent: they are not kept. (at most 512 characters) */
  readonly logGroup?: string;
  /** Seconds for which a task that is being replaced keeps the sessions it has. Absent means 172800, the two days for which ECS protects a task. (0…172800) */
  readonly drainLimitSeconds?: number;
}

/** One variable. */
export interface ProxySpecServiceEnvironment {
  /** Name. (at most 256 characters) */
  readonly name: string;
  /** Value; never a secret. (at most 4096 characters) */
  readonly value: string;
}

/** The IAM Identity Center instance that gives people their access. */
export interface ProxySpecIdentityCenter {
  /** The instance. (at most 1024 characters) */
  readonly instanceARN: string;
  /** Its Identity Store. (at most 64 characters) */
  readonly identityStoreID: string;
  /** Region of the instance. (at most 32 characters) */
  readonly region: string;
}

/** What runs. Written by the controller only. */
export interface ProxyStatus {
  /** The metadata.generation that this status was last settled for. */
  readonly observedGeneration?: number;
  /** The value of the annotation sallyport.dev/reconcile-requested-at that was last acted on. (at most 256 characters) */
  readonly lastHandledReconcileAt?: string;
  /** What is true of the object now, one entry per type (Kubernetes API conventions, typical status properties). (at most 16) */
  readonly conditions?: readonly Condition[];
  /** Digest of the configuration that the tasks should have. (at most 128 characters) */
  readonly desiredConfigRevision?: string;
  /** Digest of the configuration that all running tasks report. (at most 128 characters) */
  readonly observedConfigRevision?: string;
  /** Task definition that the service uses. (at most 1024 characters) */
  readonly taskDefinitionARN?: string;
  /** Tasks that run. (0…10000) */
  readonly runningTasks?: number;
  /** The running tasks. (at most 100) */
  readonly tasks?: readonly ProxyStatusTask[];
  /** The last change of the configuration on its way to the tasks. */
  readonly rollout?: ProxyStatusRollout;
  /** When a difference was last found. (RFC 3339) */
  readonly lastDriftTime?: string;
}

/** One task. */
export interface ProxyStatusTask {
  /** The task. (at most 1024 characters) */
  readonly taskARN: string;
  /** SSM target, `ecs:<cluster>_<task>_<container runtime>`. (at most 512 characters) */
  readonly target: string;
  /** Whether the proxy of this task is connected to the controller. */
  readonly connected: boolean;
  /** Version of Sallyport that the task runs. (at most 128 characters) */
  readonly version?: string;
  /** Whether the task is being replaced, so that it keeps its sessions and takes no new ones. */
  readonly draining?: boolean;
}

/** The last change of the configuration on its way to the tasks. */
export interface ProxyStatusRollout {
  /** Digest of the configuration that is rolled out. (at most 128 characters) */
  readonly configRevision: string;
  /** Failed means that ECS gave up and went back to the configuration before, where there was one. It is not tried again before the spec changes or a reconcile is requested. */
  readonly state: "InProgress" | "Completed" | "Failed";
  /** When it began. (RFC 3339) */
  readonly startTime: string;
  /** Time of the newest thing that ECS told of the service when it began, by ECS's clock: what failed before is not counted. (RFC 3339) */
  readonly afterTime?: string;
  /** Why it failed, as ECS tells it. (at most 4096 characters) */
  readonly message?: string;
}
