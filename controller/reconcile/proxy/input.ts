import type { Proxy } from "#kinds/index.ts";
import type { EpochMs } from "#lib/clock.ts";
import type { StoppedTask } from "../../aws/ecs-port.ts";
import type { ServiceView, TaskDefinition, TaskView } from "../../aws/ports.ts";
import type { DesiredDefinition } from "./definition.ts";

/** A task of the Proxy that is linked to this installation. */
export interface ConnectedTask {
  readonly taskARN: string;
  readonly version: string;
  /** Proxy's wall clock minus the controller's, in milliseconds. */
  readonly skewMs: number;
  /** Sessions that it has; absent: it has not said. */
  readonly sessions?: number;
  /** Whether it takes no new sessions. */
  readonly draining?: boolean;
  /** Why it cannot protect itself while it has sessions; absent: it can, or has not said. */
  readonly protectionProblem?: string;
}

/** Everything that a decision about one Proxy rests on. */
export interface ProxyInput {
  readonly now: EpochMs;
  readonly installation: string;
  readonly proxy: Proxy;
  /** Another Proxy that was there first and names the same ECS service, as `namespace/name`. */
  readonly sharedWith: string | undefined;
  /** Undefined where spec has no service to ask for. */
  readonly desired: DesiredDefinition | undefined;
  readonly service: ServiceView | undefined;
  /** Newest task definition of the family. */
  readonly newest: { readonly arn: string; readonly revision: string } | undefined;
  readonly tasks: readonly TaskView[];
  /** Looked for only where a deployment has tasks that failed. */
  readonly stopped: readonly StoppedTask[];
  /** Revision of each task definition that is in use, by ARN. */
  readonly revisions: ReadonlyMap<string, string>;
  readonly connected: readonly ConnectedTask[];
}

/** One step in ECS; `plan` prints it. The definition that a service gets is the one registered last, or `taskDefinitionARN`. */
export type ProxyAction =
  | { readonly kind: "RegisterTaskDefinition"; readonly definition: TaskDefinition }
  | { readonly kind: "CreateService"; readonly taskDefinitionARN: string | undefined }
  | {
      readonly kind: "UpdateService";
      readonly taskDefinitionARN: string | undefined;
      readonly forceNewDeployment: boolean;
    }
  | { readonly kind: "DeleteService" }
  | { readonly kind: "Release" };

/** Tasks that run, in the order in which ECS lists them. */
export function runningTasks({ tasks }: Pick<ProxyInput, "tasks">): readonly TaskView[] {
  return tasks.filter((task) => task.lastStatus === "RUNNING");
}

/** The revision that all of these tasks have; undefined where they differ or there is none. */
export function revisionOfAll(tasks: readonly TaskView[], revisions: ProxyInput["revisions"]): string | undefined {
  const found = new Set(tasks.map((task) => revisions.get(task.taskDefinitionARN)));
  return found.size === 1 ? [...found][0] : undefined;
}
