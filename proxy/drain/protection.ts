import type { CancelTimer, Clock } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";

/**
 * One protection, in minutes. It is renewed as long as there are sessions; a proxy that hangs holds up a deployment for no longer.
 * ECS takes 1 to 2,880 (48 hours).
 */
export const protectedMinutes = 30;
/** Renewed when two thirds are left, so that two tries may fail. */
export const renewEveryMs = (protectedMinutes / 3) * 60_000;
/** After a failure. */
export const retryMs = 30_000;
/** After the last session: a tool that connects for each query must not have ECS asked each time. */
export const lingerMs = 10_000;
/** The agent is on the task's own host, and asks ECS for us. */
const requestTimeoutMs = 10_000;
/** Longest text that is reported. */
const problemCharactersMax = 512;

/** What protecting needs. */
export interface ProtectionPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly fetch: typeof globalThis.fetch;
  /** `ECS_AGENT_URI`, as ECS gives it to each container; undefined where there is no agent, and nothing is done. */
  readonly agentURI: string | undefined;
  /** The problem is another one, or gone. */
  readonly onProblem: () => void;
}

/**
 * Keeps ECS from stopping this task in a deployment or a scale-in while it has sessions, through the task's own agent. Source: Amazon
 * ECS Developer Guide, "Task scale-in protection endpoint". What it last asked for is always carried through before the next.
 */
export class TaskProtection {
  readonly #ports: ProtectionPorts;
  #wanted = false;
  /** Protection that is no longer wanted ends without lingering. */
  #isHasty = false;
  /** What ECS has; undefined while that is not known: a process before this one may have left the task protected. */
  #held: boolean | undefined;
  #isAsking = false;
  #isOver = false;
  #problem: string | undefined;
  #cancelTimer: CancelTimer = () => {};

  constructor(ports: ProtectionPorts) {
    this.#ports = ports;
  }

  /** Why the task cannot be protected; undefined where it can, or nothing was tried yet. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Whether there are sessions. Without, protection ends after `lingerMs`, or at once where `atOnce`. */
  want(isWanted: boolean, atOnce = false): void {
    if (this.#wanted === isWanted && !atOnce) {
      return;
    }
    this.#wanted = isWanted;
    this.#isHasty = atOnce;
    if (isWanted || atOnce) {
      this.#settle();
    } else {
      this.#later(lingerMs);
    }
  }

  /** Lifts what the last process of this task may have left, which also shows early whether the task role allows it. */
  start(): void {
    this.#settle();
  }

  stop(): void {
    this.#isOver = true;
    this.#cancelTimer();
  }

  #later(delayMs: number): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#ports.clock.after(delayMs, () => this.#settle());
  }

  /** One request at a time; whatever was asked for meanwhile is seen to afterwards. */
  #settle(): void {
    const { agentURI } = this.#ports;
    if (agentURI === undefined || this.#isAsking || this.#isOver || (!this.#wanted && this.#held === false)) {
      return;
    }
    this.#cancelTimer();
    this.#isAsking = true;
    const asked = this.#wanted;
    void this.#put(agentURI, asked).then((problem) => {
      this.#isAsking = false;
      this.#learned(problem);
      this.#held = problem === undefined ? asked : undefined;
      if (this.#wanted !== asked && (this.#wanted || this.#isHasty)) {
        this.#settle();
      } else if (this.#wanted !== asked) {
        this.#later(lingerMs);
      } else if (problem !== undefined) {
        this.#later(retryMs);
      } else if (asked) {
        this.#later(renewEveryMs);
      }
    });
  }

  #learned(problem: string | undefined): void {
    if (problem !== this.#problem && !this.#isOver) {
      this.#problem = problem;
      if (problem !== undefined) {
        this.#ports.log.warn("this task cannot be protected from being stopped with sessions", { why: problem });
      }
      this.#ports.onProblem();
    }
  }

  /** Undefined when done, else why not. Never rejects. */
  async #put(agentURI: string, isOn: boolean): Promise<string | undefined> {
    try {
      const response = await this.#ports.fetch(`${agentURI}/task-protection/v1/state`, {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(
          isOn ? { ProtectionEnabled: true, ExpiresInMinutes: protectedMinutes } : { ProtectionEnabled: false },
        ),
        signal: AbortSignal.timeout(requestTimeoutMs),
      });
      return problemOf(await response.json())?.slice(0, problemCharactersMax);
    } catch (thrown) {
      return `the ECS agent does not answer: ${coerceError(thrown).message}`.slice(0, problemCharactersMax);
    }
  }
}

function problemOf(answer: unknown): string | undefined {
  const { protection, failure, error } = (answer ?? {}) as {
    readonly protection?: unknown;
    readonly failure?: { readonly Reason?: unknown; readonly Detail?: unknown };
    readonly error?: { readonly Code?: unknown; readonly Message?: unknown };
  };
  if (error !== undefined) {
    return `${String(error.Code)}: ${String(error.Message)}`;
  }
  if (failure !== undefined) {
    return `${String(failure.Reason)} ${String(failure.Detail ?? "")}`.trim();
  }
  return protection === undefined ? "the ECS agent answered in an unexpected form" : undefined;
}
