/**
 * What a statement can do to the others who share its database user. The first five can be refused by policy; the rest are left to
 * the database's own grants and are only noted.
 *
 * - `credential-change`: password, name or validity of the own user: the next person cannot log in.
 * - `role-settings`: settings that the next session of the user, or of the database, inherits.
 * - `session-end`: ends or cancels another session.
 * - `session-read`: shows what other sessions run.
 * - `unseen-sql`: executes a prepared statement whose text was never seen.
 * - `server-access`: files or programs of the database's host.
 * - `remote-connection`: the server connects to another one.
 * - `role-switch`: goes on as another role.
 * - `dynamic-sql`: runs text that is put together on the server.
 */
export type Hazard = RefusableHazard | NotedHazard;
export type RefusableHazard = (typeof refusableHazards)[number];
export type NotedHazard = "server-access" | "remote-connection" | "role-switch" | "dynamic-sql";

/** The ones that policy can refuse, worst first. */
export const refusableHazards = [
  "credential-change",
  "session-end",
  "role-settings",
  "session-read",
  "unseen-sql",
] as const;

/** What a look at one message's SQL found. */
export interface Findings {
  readonly hazards: ReadonlySet<Hazard>;
  /** Names that SQL's PREPARE gives. */
  readonly prepares: readonly string[];
  /** Names that SQL's EXECUTE runs. */
  readonly executes: readonly string[];
}

/** Nothing was found. */
export const noFindings: Findings = { hazards: new Set(), prepares: [], executes: [] };
