/** A place where an agent runs: one container of a task. */
export interface Target {
  /** `ecs:<cluster>_<taskId>_<runtimeId>`. */
  readonly name: string;
  /** `arn:aws:ecs:<region>:<account>:task/<cluster>/<taskId>`: what IAM sees. */
  readonly resourceARN: string;
  /** Tags of the task. */
  readonly tags: Readonly<Record<string, string>>;
  /** Whether the agent runs and can take a session. */
  readonly connected: boolean;
  /** Loopback address that is `localhost` to the task. */
  readonly host: string;
}

/** Where SSM finds targets: implemented by ECS. */
export interface TargetDirectory {
  /** A task's container by target name, as one account sees it. Tasks that have stopped are not connected. */
  find(accountID: string, targetName: string): Target | undefined;
  /** Calls `listener` with the names of targets whose agent has just gone. */
  onGone(listener: (accountID: string, targetName: string) => void): void;
}

/** The parts of an ECS target name. A cluster's name may hold underscores, the other two may not. */
export function parseTargetName(name: string): { clusterName: string; taskID: string; runtimeID: string } | undefined {
  const parts = /^ecs:([a-zA-Z0-9_-]{1,255})_([a-zA-Z0-9]+)_([a-zA-Z0-9-]+)$/.exec(name);
  return parts === null
    ? undefined
    : { clusterName: parts[1] ?? "", taskID: parts[2] ?? "", runtimeID: parts[3] ?? "" };
}
