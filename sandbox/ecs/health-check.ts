import { execFile } from "node:child_process";
import type { Clock } from "#lib/clock.ts";

/** A container's health check, as far as the sandbox runs it: the command, again and again until it succeeds once. */
export interface HealthCheck {
  /** `CMD` and a program with its arguments, or `CMD-SHELL` and a line for the shell (ECS API reference, HealthCheck). */
  readonly command: readonly string[];
}

/** Where the check runs: in the container. */
export interface HealthPlace {
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** Pauses between checks, in ms; AWS looks every 5 to 300 seconds. */
const pauseMs = 300;
/** A check that takes longer has failed, in ms. */
const timeoutMs = 5_000;

/** Calls `onHealthy` when the check succeeds for the first time; asks until then, and until `signal` aborts. */
export function checkHealth(
  check: HealthCheck,
  place: HealthPlace,
  clock: Clock,
  signal: AbortSignal,
  onHealthy: () => void,
): void {
  const [form, ...rest] = check.command;
  const [file = "", ...args] = form === "CMD-SHELL" ? ["/bin/sh", "-c", ...rest] : rest;
  const again = (): void => void clock.after(pauseMs, look);
  const look = (): void => {
    if (signal.aborted) {
      return;
    }
    execFile(file, args, { cwd: place.directory, env: place.environment, timeout: timeoutMs }, (error) => {
      if (signal.aborted) {
        return;
      }
      if (error === null) {
        onHealthy();
      } else {
        again();
      }
    });
  };
  again();
}
