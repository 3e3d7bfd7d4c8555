import { type Clock, pause } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";
import type { Secret } from "#lib/secret.ts";
import type { LinkGrant } from "#wire/link.ts";
import type { LoginTarget } from "../secrets/credentials.ts";
import type { ConnectOptions } from "../upstream/connect.ts";
import type { ProbeLogin } from "../upstream/probe.ts";
import { UpstreamError, type PasswordSource, type UpstreamTarget } from "../upstream/target.ts";
import type { DatabaseHealth } from "./health.ts";

/**
 * A role that nobody used for so long is logged in to once, so that its status does not grow old: 12 logins an hour for each role and
 * task, of the 200 a second that IAM authentication takes and the hundreds that a server has connections for.
 */
export const probeEveryMs = 5 * 60_000;
/** Between two looks for roles that are due, on average; jittered by half, so that the tasks of a service do not look together. */
export const probeLookMs = 30_000;

/** What probing needs. */
export interface ProberPorts {
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly authorities: readonly string[];
  /** Grants that are live now: a database without one is left alone. */
  readonly liveGrants: () => readonly LinkGrant[];
  readonly passwordOf: (target: LoginTarget) => PasswordSource;
  readonly health: DatabaseHealth;
  readonly probe: (target: UpstreamTarget, login: ProbeLogin, options: ConnectOptions) => Promise<string | undefined>;
}

/** The role's password that the database has refused is not sent again before it changes: probing never locks an account. */
class StillRefused extends Error {}

/** Logs in to databases with live grants from time to time, one after the other, so that trouble is seen before a person meets it. */
export class Prober {
  readonly #ports: ProberPorts;
  readonly #refused = new Map<string, Secret>();

  constructor(ports: ProberPorts) {
    this.#ports = ports;
  }

  /** Runs until `signal` aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#ports;
    while (!signal.aborted) {
      await pause(clock, probeLookMs * (0.5 + random()), signal).catch(() => {});
      await this.look(signal);
    }
  }

  /** Probes every role that is due. */
  async look(signal: AbortSignal): Promise<void> {
    const roles = new Map(this.#ports.liveGrants().map((grant) => [keyOf(grant), grant]));
    for (const key of this.#refused.keys()) {
      if (!roles.has(key)) {
        this.#refused.delete(key);
      }
    }
    for (const [key, grant] of roles) {
      if (!signal.aborted && this.#ports.health.ageMs(grant) >= probeEveryMs) {
        await this.#probe(key, grant, signal);
      }
    }
  }

  async #probe(key: string, grant: LinkGrant, signal: AbortSignal): Promise<void> {
    const { clock, log, health, authorities } = this.#ports;
    const { host, port, tlsMode, engine, databaseName } = grant.database;
    const password = this.#watched(key, this.#ports.passwordOf(grant));
    try {
      const version = await this.#ports.probe(
        { host, port, tlsMode, authorities },
        { engine, username: grant.role.username, databaseName, password },
        { clock, signal },
      );
      this.#refused.delete(key);
      health.learned(grant, "Reachable", "logged in", version);
    } catch (error) {
      if (error instanceof StillRefused || signal.aborted) {
        return;
      }
      if (error instanceof UpstreamError) {
        log.warn("database could not be probed", { database: grant.database.key, health: error.health, error });
        health.learned(grant, error.health, error.message, undefined, error.problem);
        return;
      }
      log.error("probe ended by a defect", { database: grant.database.key, error });
    }
  }

  #watched(key: string, source: PasswordSource): PasswordSource {
    if (source.isToken) {
      // Each token is another one, and failures with them lock nothing: no server counts them against a password.
      return source;
    }
    return {
      get: async (fresh, refused) => {
        if (refused !== undefined) {
          this.#refused.set(key, refused);
        }
        const password = await source.get(fresh, refused);
        const known = this.#refused.get(key);
        if (!fresh && known !== undefined && known.reveal() === password.reveal()) {
          throw new StillRefused();
        }
        return password;
      },
      accepted: (password) => source.accepted?.(password),
    };
  }
}

const keyOf = ({ database, role }: LinkGrant): string =>
  JSON.stringify([database.key, database.host, database.port, role.name, role.username, role.secretARN]);
