import type { ConditionInput, Database, DatabaseStatus, Proxy } from "#kinds/index.ts";
import type { EpochMs } from "#lib/clock.ts";
import type { DatabaseProblem } from "#wire/link.ts";
import type { RdsEndpoint } from "../../aws/ports.ts";
import type { Outcome } from "../reconciler.ts";
import type { Patch } from "../status/patch.ts";
import { notReady, ready, stalledAt } from "../status/simple.ts";
import { adviceOn } from "./advice.ts";

/** What a linked proxy last learned of one role of the database. */
export interface DatabaseReport {
  readonly role: string;
  readonly health: "Reachable" | "Unreachable" | "SecretUnreadable" | "AuthenticationFailed" | "TLSRefused";
  readonly detail: string;
  /** What exactly went wrong, where it is known. */
  readonly problem?: DatabaseProblem;
  readonly serverVersion?: string;
}

/** Everything that a decision about one Database rests on. */
export interface DatabaseInput {
  readonly now: EpochMs;
  readonly database: Database;
  readonly proxy: Proxy | undefined;
  /** What RDS says; undefined where spec has an endpoint, or RDS knows no such database or gives it no address yet. */
  readonly rds: RdsEndpoint | undefined;
  readonly reports: readonly DatabaseReport[];
}

export interface DatabaseDecision {
  readonly patch: Patch<DatabaseStatus>;
  readonly conditions: readonly ConditionInput[];
  /** Whether Grants that wait for the address must be looked at. */
  readonly notify: boolean;
  readonly next: Outcome;
}

/** Milliseconds between looks at RDS: an instance's address changes only when it is renamed or restored. */
export const rdsLookMs = 300_000;
/** Milliseconds until RDS is asked again for a database that it does not know or that has no address yet. */
export const rdsMissingLookMs = 30_000;

/** Longest words of a proxy, and longest message with the advice: what people read at a glance, and a status that stays small. */
const detailCharactersMax = 500;
const messageCharactersMax = 2_000;

/** Decides what a Database resolves to. Pure. */
export function decideDatabase(input: DatabaseInput): DatabaseDecision {
  const { database, proxy, rds, now } = input;
  const { spec } = database;
  if (proxy === undefined) {
    const message = `The Proxy ${spec.proxyRef.name} does not exist in this namespace.`;
    return { patch: {}, conditions: notReady("ReferenceNotFound", message), notify: false, next: { kind: "settled" } };
  }
  if (spec.endpoint !== undefined) {
    return resolved(input, proxy, spec.endpoint, { kind: "settled" });
  }
  const identifier = spec.rds?.instanceIdentifier ?? spec.rds?.clusterIdentifier ?? "";
  if (rds === undefined) {
    // The last address stays: it is what live grants were approved for.
    const { accountID, region } = proxy.spec.ecs;
    const message = `RDS knows no address of ${identifier} in account ${accountID}, ${region}. Check spec.rds, or wait until the database is created.`;
    const next = { kind: "waiting", untilMs: now + rdsMissingLookMs, why: "RDS", priority: "change" } as const;
    return { patch: {}, conditions: notReady("DatabaseNotFound", message), notify: false, next };
  }
  if (!engineMatches(spec.engine, rds.engine)) {
    const message = `${identifier} is ${rds.engine}, not ${spec.engine}. spec.engine cannot be changed: create the Database anew.`;
    return {
      patch: { observedGeneration: database.metadata.generation ?? 0 },
      conditions: stalledAt("EngineMismatch", message),
      notify: false,
      next: { kind: "refused", reason: "EngineMismatch", message },
    };
  }
  const next = { kind: "waiting", untilMs: now + rdsLookMs, why: "the next look at RDS", priority: "resync" } as const;
  return resolved(input, proxy, { host: rds.host, port: rds.port }, next);
}

function resolved(
  input: DatabaseInput,
  proxy: Proxy,
  endpoint: { readonly host: string; readonly port: number },
  next: Outcome,
): DatabaseDecision {
  const { database, reports, rds } = input;
  const known = database.status?.endpoint;
  const isNewSpec = database.status?.observedGeneration !== database.metadata.generation;
  const version = reports.find((report) => report.serverVersion !== undefined)?.serverVersion ?? rds?.engineVersion;
  return {
    patch: {
      observedGeneration: database.metadata.generation ?? 0,
      endpoint,
      ...(version === undefined || version === "" ? {} : { engineVersion: version }),
    },
    conditions: [
      ...ready("Resolved", `The database is at ${endpoint.host}:${endpoint.port}.`),
      reachability(input, proxy),
    ],
    notify: isNewSpec || known?.host !== endpoint.host || known.port !== endpoint.port,
    next,
  };
}

/**
 * What the proxies see is told apart from Ready: an unreachable database is no fault of the configuration's. One role is told of, the
 * first by its name, so that the text stays the same while nothing changes.
 */
function reachability({ database, reports, rds }: DatabaseInput, proxy: Proxy): ConditionInput {
  const [bad] = reports
    .filter((report) => report.health !== "Reachable")
    .toSorted((one, other) => (one.role < other.role ? -1 : 1));
  if (bad !== undefined) {
    const { role, detail, problem } = bad;
    const advice = problem === undefined ? "" : ` ${adviceOn({ problem, role, database, proxy, rds })}`;
    const message = `As role ${role}: ${detail.slice(0, detailCharactersMax)}.${advice}`.slice(0, messageCharactersMax);
    return { type: "Reachable", status: "False", reason: bad.health, message };
  }
  return reports.length === 0
    ? { type: "Reachable", status: "Unknown", reason: "NotTried", message: "No proxy has tried yet." }
    : { type: "Reachable", status: "True", reason: "Reachable", message: "" };
}

/** RDS names engines `postgres`, `aurora-postgresql`, `mysql`, `aurora-mysql`, `mariadb`. */
function engineMatches(engine: Database["spec"]["engine"], rdsEngine: string): boolean {
  const known: Readonly<Record<Database["spec"]["engine"], readonly string[]>> = {
    PostgreSQL: ["postgres", "aurora-postgresql"],
    MySQL: ["mysql", "aurora-mysql"],
    MariaDB: ["mariadb"],
  };
  return known[engine].includes(rdsEngine);
}
