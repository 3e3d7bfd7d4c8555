/**
 * What happened to access, besides the statements themselves: who asked, decided, got in, looked and ended it. Events are kept in the
 * audit trail as the controller's own chained records, so `audit verify` covers them.
 */
export const trailEvents = [
  "grant.requested",
  "grant.approved",
  "grant.denied",
  "grant.activated",
  "grant.breakGlass",
  "grant.extended",
  "grant.expiring",
  "grant.ended",
  "grant.deprovisioned",
  "review.counted",
  "review.refused",
  "session.killed",
  "statements.viewed",
  "audit.exported",
  "person.signedIn",
  "slack.linked",
] as const;

export type TrailEventName = (typeof trailEvents)[number];

/** Who did it. `Controller`: nobody; time or policy did. `Cluster`: a user of the API server, who may be no person of the identity store. */
export interface TrailActor {
  readonly kind: "User" | "Pipeline" | "Cluster" | "Controller";
  readonly name: string;
}

/** One event. */
export interface TrailEvent {
  readonly event: TrailEventName;
  /** RFC 3339 with milliseconds, UTC, by the controller's clock. */
  readonly time: string;
  readonly actor: TrailActor;
  readonly grantID?: string;
  /** `namespace/name` of the Grant. */
  readonly grant?: string;
  /** The Grant's person. */
  readonly userName?: string;
  /** `namespace/name` of the Database. */
  readonly database?: string;
  readonly role?: string;
  readonly session?: string;
  /** What else belongs to it, by name: reason, comment, step, filter. Never a secret. */
  readonly detail?: Readonly<Record<string, string>>;
}
