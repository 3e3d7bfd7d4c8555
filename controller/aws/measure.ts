import type { SSOAdminClient } from "@aws-sdk/client-sso-admin";
import type { Clock } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import type { Limiter, LimiterUrgency } from "./limiter.ts";

/** What happens between this process and AWS, for metrics. */
export interface AwsRecorder {
  /** An attempt has ended; `code` is AWS's error name where it failed. */
  attempted(service: string, operation: string, tookMs: number, code?: string): void;
  /** A call was let through by a rate limit of our own. */
  waited(limiter: string, urgency: LimiterUrgency, waitedMs: number): void;
}

/** The part of an SDK client that all of them share; each client's type names its own operations, which do not matter here. */
interface Measurable {
  readonly middlewareStack: object;
}

/** Services by the name of their SDK client, as the `service:Operation` of messages has them. */
const services: Readonly<Record<string, string>> = { ssoadmin: "sso" };

/** Retrying happens in this step at priority "high" (@smithy/middleware-retry): what is "low" runs inside it, once per attempt. */
const perAttempt = { step: "finalizeRequest", priority: "low" } as const;

function stackOf(client: Measurable): Pick<SSOAdminClient["middlewareStack"], "add"> {
  return client.middlewareStack as Pick<SSOAdminClient["middlewareStack"], "add">;
}

function callOf(context: object): { readonly service: string; readonly operation: string } {
  const { clientName = "", commandName = "" } = context as { clientName?: string; commandName?: string };
  const named = clientName.replace(/Client$/, "").toLowerCase();
  return { service: services[named] ?? named, operation: commandName.replace(/Command$/, "") };
}

/** Operations that only look, by how AWS names them; taking a role's credentials changes nothing either. */
const looking = /^(Describe|Get|List|Assume)/;

/** Asks `beforeWrite` right before each attempt of an operation that changes something; what it throws keeps it from being sent. */
export function fenceClient<C extends Measurable>(client: C, beforeWrite: ((call: string) => void) | undefined): C {
  if (beforeWrite !== undefined) {
    stackOf(client).add(
      (next, context) => (args) => {
        const { service, operation } = callOf(context);
        if (!looking.test(operation)) {
          beforeWrite(`${service}:${operation}`);
        }
        return next(args);
      },
      { ...perAttempt, name: "fenceAttempt" },
    );
  }
  return client;
}

/** Reports every attempt of a client: retries of the SDK's own too, which a count of its answers would hide. */
export function measureClient<C extends Measurable>(client: C, recorder: AwsRecorder | undefined, clock: Clock): C {
  if (recorder === undefined) {
    return client;
  }
  stackOf(client).add(
    (next, context) => async (args) => {
      const { service, operation } = callOf(context);
      const startedMs = clock.monotonicMs();
      const took = (): number => clock.monotonicMs() - startedMs;
      try {
        const answer = await next(args);
        recorder.attempted(service, operation, took());
        return answer;
      } catch (thrown) {
        recorder.attempted(service, operation, took(), coerceError(thrown).name);
        throw thrown;
      }
    },
    { ...perAttempt, name: "measureAttempt" },
  );
  return client;
}

/** A limiter whose waits are reported. */
export function measureLimiter(
  limiter: Limiter,
  name: string,
  recorder: AwsRecorder | undefined,
  clock: Clock,
): Limiter {
  if (recorder === undefined) {
    return limiter;
  }
  return {
    async take(urgency) {
      const startedMs = clock.monotonicMs();
      await limiter.take(urgency);
      recorder.waited(name, urgency, clock.monotonicMs() - startedMs);
    },
  };
}
