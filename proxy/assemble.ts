import { randomBytes, randomUUID } from "node:crypto";
import path from "node:path";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { Journal } from "#audit/journal.ts";
import { awsHttp } from "#lib/aws-http.ts";
import type { Clock } from "#lib/clock.ts";
import { defined } from "#lib/defined.ts";
import type { Log } from "#lib/log.ts";
import type { LinkGrant, ProxyStatus } from "#wire/link.ts";
import { verifyProof } from "#wire/proof.ts";
import type { AdmissionPorts } from "./admission/admit.ts";
import { formatWarning } from "./admission/control.ts";
import { factsOf, refuseGrant } from "./admission/decide.ts";
import { TicketBook } from "./admission/tickets.ts";
import { Drain } from "./drain/drain.ts";
import { TaskProtection } from "./drain/protection.ts";
import { ControllerContact } from "./grants/contact.ts";
import { GrantTable } from "./grants/table.ts";
import { readRoleSettings } from "./hazards/role-settings.ts";
import { LinkClient } from "./link/client.ts";
import { Outbox } from "./link/outbox.ts";
import { spoolStatus } from "./link/spool-status.ts";
import { taskCredentials, type TaskIdentity } from "./link/task.ts";
import { Gate } from "./listen/gate.ts";
import type { ProxyOptions } from "./options.ts";
import { credentialsOf } from "./secrets/credentials.ts";
import { Passwords, type ReadSecret } from "./secrets/passwords.ts";
import { Tokens } from "./secrets/tokens.ts";
import { BackendBook, type NotedBackend } from "./session/backend-book.ts";
import type { Engine, SessionPorts } from "./session/engine.ts";
import { DatabaseHealth } from "./session/health.ts";
import { endLeftBackends } from "./session/left-backends.ts";
import { mysqlEngine } from "./session/mysql-engine.ts";
import { postgresEngine } from "./session/postgres-engine.ts";
import { Prober } from "./session/prober.ts";
import { SessionRegistry } from "./session/registry.ts";
import { Steward } from "./steward.ts";
import { probe } from "./upstream/probe.ts";

/** Shown to the controller and in its Proxy status. */
export const proxyVersion = "0.1.0";
/** Database protocols, by the engine's name in a Database object. The first one answers streams whose grant is not known. */
const engines: ReadonlyMap<string, Engine> = new Map([
  ["PostgreSQL", postgresEngine],
  ["MySQL", mysqlEngine],
  ["MariaDB", mysqlEngine],
]);

/** What the outside world is; replaced in tests. */
export interface ProxyDeps {
  readonly clock?: Clock;
  readonly log?: Log;
  readonly fetch?: typeof globalThis.fetch;
  readonly readSecret?: ReadSecret;
  /** Where health.sock is made; the working directory by default. */
  readonly directory?: string;
}

/** What a proxy is made of once configuration, task and journal are known. */
export interface Materials {
  readonly options: ProxyOptions;
  readonly clock: Clock;
  readonly log: Log;
  readonly authorities: readonly string[];
  readonly task: TaskIdentity;
  readonly journal: Journal;
  readonly deps: ProxyDeps;
}

/** The parts of a proxy, joined but not yet listening. */
export interface Assembly {
  readonly gate: Gate;
  readonly link: LinkClient;
  readonly sessions: SessionRegistry;
  readonly steward: Steward;
  readonly outbox: Outbox;
  readonly contact: ControllerContact;
  /** Database protocols by the engine's name, and what their sessions work with: for a stream that was let in another way. */
  readonly engines: ReadonlyMap<string, Engine>;
  readonly session: SessionPorts;
  /** Ends what a killed process of this task left running in databases; settles when nothing is left, or `signal` aborts. */
  readonly endLeft: (signal: AbortSignal) => Promise<void>;
  /** Looks from time to time whether the databases of live grants can be logged in to. */
  readonly prober: Prober;
  /** Gives sessions time when the task goes. */
  readonly drain: Drain;
  /** Set first when the proxy stops: nobody new is let in. */
  readonly lifecycle: { isStopping: boolean };
}

/** Where the backends of sessions are noted, beside health.sock. */
const backendsDirectoryName = "backends";

/** Joins the parts. Reads what the last process of this task left; does no other I/O. */
export function assemble(materials: Materials): Assembly {
  const { options, clock, log, journal, deps, task } = materials;
  const lifecycle = { isStopping: false };
  const grants = new GrantTable(clock);
  const tickets = new TicketBook(clock, randomBytes);
  const statusChanged = (): void => outbox.statusChanged();
  const health = new DatabaseHealth(clock, statusChanged);
  const sessions: SessionRegistry = new SessionRegistry(() => {
    outbox.statusChanged();
    drain.sessionsChanged();
  });
  const outbox: Outbox = outboxOf(materials, sessions, health, () => drain);
  const contact = new ControllerContact(clock, () => steward.controllerLost());
  const credentials = taskCredentials(options.credentials, clock);
  const fetch = deps.fetch ?? globalThis.fetch;
  const admission: AdmissionPorts = {
    clock,
    log,
    installation: options.installation,
    proxy: options.proxy,
    grants,
    tickets,
    engines: new Set(engines.keys()),
    admits: () => contact.admits && !lifecycle.isStopping,
    isDraining: () => drain.isDraining,
    verify: (proof, audience) => verifyProof(proof, audience, { sts: options.sts, clock, fetch }),
    randomBytes,
  };
  const passwordOf = passwordsOf(materials, credentials);
  const backends = new BackendBook(path.join(deps.directory ?? ".", backendsDirectoryName));
  const left = backends.all();
  const { authorities } = materials;
  const stopping = new AbortController();
  const end = (those: readonly NotedBackend[]): Promise<void> =>
    endLeftBackends(backends, those, { clock, log, authorities, passwordOf, signal: stopping.signal });
  const onLeft = (backend: NotedBackend): void => void end([backend]);
  const session = sessionPorts(materials, { sessions, backends, onLeft, health, passwordOf, admission, contact });
  const gate = new Gate({ engines, warnBeforeEndMs: () => contact.policy.warnBeforeEndMs, admission, session });
  const drain: Drain = drainOf(materials, sessions, () => gate, statusChanged);
  const steward: Steward = new Steward({ clock, log, grants, contact, tickets, sessions, gate, outbox });
  const link = new LinkClient({
    clock,
    log,
    installation: options.installation,
    proxy: options.proxy,
    controller: options.controller,
    taskARN: task.taskARN,
    version: proxyVersion,
    sts: options.sts,
    credentials,
    grants,
    contact,
    journal,
    outbox,
    onDuty: ({ duty, limitMs }) => drain.duty(duty, limitMs),
    onKill: (kill) => steward.killSession(kill),
    random: Math.random,
  });
  const liveGrants = (): LinkGrant[] => grants.live().map((entry) => entry.grant);
  const looks = { liveGrants, passwordOf, health, authorities, random: Math.random, probe };
  const prober = new Prober({ clock, log, ...looks });
  const endLeft = (signal: AbortSignal): Promise<void> => {
    signal.addEventListener("abort", () => stopping.abort(signal.reason), { once: true });
    return end(left);
  };
  return { gate, link, sessions, steward, outbox, contact, engines, session, endLeft, prober, lifecycle, drain };
}

function sessionPorts(
  materials: Materials,
  parts: {
    readonly sessions: SessionRegistry;
    readonly backends: BackendBook;
    readonly onLeft: SessionPorts["onLeft"];
    readonly health: DatabaseHealth;
    readonly passwordOf: SessionPorts["passwordOf"];
    readonly admission: AdmissionPorts;
    readonly contact: ControllerContact;
  },
): SessionPorts {
  const { clock, log, journal, authorities, task } = materials;
  const { sessions, backends, onLeft, health, passwordOf, admission, contact } = parts;
  return {
    clock,
    log,
    journal,
    sessions,
    backends,
    onLeft,
    authorities,
    taskARN: task.taskARN,
    passwordOf,
    randomBytes,
    randomUUID,
    onHealth: (...learned) => health.learned(...learned),
    readRoleSettings,
    refusalOf: (grantID) => refuseGrant(factsOf(grantID, admission.grants), admission.admits())?.message,
    warningOf: (grantID) => {
      const remainingMs = admission.grants.remainingMs(grantID);
      return remainingMs <= contact.policy.warnBeforeEndMs ? formatWarning(remainingMs) : undefined;
    },
  };
}

function outboxOf(
  { clock, journal }: Materials,
  sessions: SessionRegistry,
  health: DatabaseHealth,
  drain: () => Drain,
): Outbox {
  const status = (): ProxyStatus => ({
    type: "status",
    sessions: sessions.all().map(({ id, grantID, since }) => ({ session: id, grantID, since })),
    // Named only where there is something to say: an older controller takes no member that it does not know.
    ...(drain().isDraining ? { draining: true } : {}),
    ...defined({ protectionProblem: drain().protectionProblem }),
    databases: health.report(),
  });
  return new Outbox(clock, status, () => spoolStatus(journal.metrics()));
}

function drainOf(
  { clock, log, options, deps }: Materials,
  sessions: SessionRegistry,
  gate: () => Gate,
  onChange: () => void,
): Drain {
  const { fetch = globalThis.fetch } = deps;
  const protection = new TaskProtection({ clock, log, fetch, agentURI: options.agentURI, onProblem: onChange });
  return new Drain({
    clock,
    log,
    sessions,
    protection,
    tellTunnels: (message) => gate().drainControls(message),
    endTunnels: (end) => gate().endControls(end),
    onChange,
  });
}

/** Where logins take their passwords and tokens from. */
function passwordsOf(
  { options, clock, deps }: Materials,
  credentials: ReturnType<typeof taskCredentials>,
): ReturnType<typeof credentialsOf> {
  const passwords = new Passwords(deps.readSecret ?? secretsManager(options.region, credentials), clock);
  return credentialsOf(passwords, new Tokens({ clock, region: options.region, credentials }));
}

function secretsManager(region: string, credentials: ReturnType<typeof taskCredentials>): ReadSecret {
  const client = new SecretsManagerClient({
    region,
    credentials: async () => credentials(),
    requestHandler: awsHttp(),
  });
  return async (secretARN) => (await client.send(new GetSecretValueCommand({ SecretId: secretARN }))).SecretString;
}
