import type { Grant } from "#kinds/index.ts";

/** Where a Grant stands, from its status alone. */
export type Phase =
  /** Never looked at. */
  | "New"
  /** Nothing is approved, nothing was given. */
  | "Pending"
  /** Approved and recorded; access may exist in AWS but is not live. */
  | "Provisioning"
  /** Live since its activation. */
  | "Live"
  /** Ended; what was given is being taken away. */
  | "Revoking"
  /** Ended, and nothing is left. */
  | "Ended";

/** The phase of `grant`. */
export function phaseOf({ status }: Grant): Phase {
  if (status?.grantID === undefined) {
    return "New";
  }
  if (status.end !== undefined) {
    return status.deprovisionTime === undefined ? "Revoking" : "Ended";
  }
  if (status.external === undefined) {
    return "Pending";
  }
  return status.activationTime === undefined ? "Provisioning" : "Live";
}
