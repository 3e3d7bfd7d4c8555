import { dirname } from "node:path";
import type { TaskRecord } from "./model.ts";

/** What a container's process is given besides the environment of its task definition. */
export interface PlatformFacts {
  readonly task: TaskRecord;
  readonly containerName: string;
  /** The task's loopback address. */
  readonly host: string;
  /** `http://127.0.0.1:<port>` of the sandbox. */
  readonly sandboxURL: string;
  /** The program that will run; its directory is on the path, so that `#!/usr/bin/env node` finds it. */
  readonly program: string;
  /** Resolved `secrets` of the container definition. */
  readonly secrets: Readonly<Record<string, string>>;
}

/**
 * The whole environment of a container's process. Nothing is inherited: what is in neither the task definition nor this
 * list is not there. The platform's values win over the definition's, as on Fargate.
 */
export function containerEnvironment(
  defined: readonly { readonly name: string; readonly value: string }[],
  facts: PlatformFacts,
): Record<string, string> {
  const { task } = facts;
  return {
    PATH: [dirname(facts.program), "/usr/bin", "/bin"].join(":"),
    ...Object.fromEntries(defined.map(({ name, value }) => [name, value])),
    ...facts.secrets,
    AWS_REGION: task.region,
    ...(task.definition.taskRoleARN === undefined
      ? {}
      : { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${facts.sandboxURL}/_task/credentials/${task.secretID}` }),
    ECS_CONTAINER_METADATA_URI_V4: `${facts.sandboxURL}/_task/metadata/${task.secretID}-${facts.containerName}`,
    ECS_AGENT_URI: `${facts.sandboxURL}/_task/agent/${task.secretID}-${facts.containerName}`,
    SALLYPORT_LOOPBACK: facts.host,
    HOSTNAME: `ip-${facts.host.replaceAll(".", "-")}.${task.region}.compute.internal`,
  };
}
