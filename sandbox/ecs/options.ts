import type { ContainerDefinition } from "./model.ts";

/** The program that stands for a container image. */
export interface ContainerCommand {
  /** Absolute path of the program. */
  readonly file: string;
  readonly args: readonly string[];
}

/** Chooses what to run for a container. Throwing fails the task's start, as an image that cannot be pulled does. */
export type ChooseCommand = (image: string, containerName: string, definition: ContainerDefinition) => ContainerCommand;

/** How long things take, in milliseconds. On AWS each is seconds to a minute. */
export interface EcsDelays {
  /** PROVISIONING: a network interface is made. */
  readonly provisioningMs: number;
  /** PENDING: the image is pulled. */
  readonly pendingMs: number;
  /** From RUNNING until the agent is connected. */
  readonly agentMs: number;
  /** From the start of a container until it must be healthy, where it has a health check. AWS: at most five minutes. */
  readonly healthyWithinMs: number;
  /** DEPROVISIONING: the network interface is removed. */
  readonly deprovisioningMs: number;
}

/** Short enough for a demo, long enough for every state to be seen. */
export const defaultEcsDelays: EcsDelays = {
  provisioningMs: 100,
  pendingMs: 100,
  agentMs: 200,
  healthyWithinMs: 30_000,
  deprovisioningMs: 50,
};
