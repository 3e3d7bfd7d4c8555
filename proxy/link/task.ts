import { fromHttp } from "@aws-sdk/credential-providers";
import type { Clock } from "#lib/clock.ts";
import { UserError } from "#lib/errors.ts";
import type { ProofCredentials } from "#wire/proof.ts";

/** Who this task is, as ECS says. */
export interface TaskIdentity {
  readonly taskARN: string;
  /** Last part of the ARN. */
  readonly taskID: string;
}

/** The endpoint is on the task's own host; it answers in milliseconds. */
const metadataTimeoutMs = 5_000;
/** Credentials are fetched anew this long before they end. */
const refreshBeforeMs = 5 * 60_000;
const taskPattern = /^arn:aws[a-z-]*:ecs:[a-z0-9-]+:\d{12}:task\/(?:[\w-]+\/)?([0-9a-f]{32})$/;

/** Reads the task metadata endpoint, version 4. Throws `UserError` where this is no ECS task. */
export async function readTaskIdentity(metadataURL: string, fetch: typeof globalThis.fetch): Promise<TaskIdentity> {
  let body: unknown;
  try {
    const response = await fetch(`${metadataURL}/task`, { signal: AbortSignal.timeout(metadataTimeoutMs) });
    body = await response.json();
  } catch (cause) {
    throw notATask("The ECS task metadata cannot be read.", cause);
  }
  const arn = (body as { TaskARN?: unknown } | null)?.TaskARN;
  const taskID = typeof arn === "string" ? taskPattern.exec(arn)?.[1] : undefined;
  if (typeof arn !== "string" || taskID === undefined) {
    throw notATask("The ECS task metadata names no task.");
  }
  return { taskARN: arn, taskID };
}

function notATask(what: string, cause?: unknown): UserError {
  return new UserError("NotAnECSTask", what, {
    why: "The proxy proves who it is as an ECS task; ECS_CONTAINER_METADATA_URI_V4 must lead to its metadata.",
    next: "Run it as a task of the Proxy's ECS service.",
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Credentials of the task role. */
export interface TaskCredentials extends ProofCredentials {
  /** When they end; absent where the endpoint does not say. */
  readonly expiration?: Date;
}

/** Gives the task role's credentials, from the container credentials endpoint and no other source. */
export function taskCredentials(
  endpoint: { readonly fullURI?: string; readonly relativeURI?: string },
  clock: Clock,
): () => Promise<TaskCredentials> {
  const provide = fromHttp({
    ...(endpoint.fullURI === undefined ? {} : { awsContainerCredentialsFullUri: endpoint.fullURI }),
    ...(endpoint.relativeURI === undefined ? {} : { awsContainerCredentialsRelativeUri: endpoint.relativeURI }),
  });
  let held: Awaited<ReturnType<typeof provide>> | undefined;
  return async () => {
    if (held === undefined || (held.expiration?.getTime() ?? 0) - clock.now() < refreshBeforeMs) {
      held = await provide();
    }
    return held;
  };
}
