/** `GET /v1/fleet`: what an operator watches. Administrators only. */
export interface Fleet {
  readonly proxies: readonly FleetProxy[];
  readonly databases: readonly FleetDatabase[];
  /** Objects of any kind that are not well: Ready is not True, or Stalled. */
  readonly troubled: readonly FleetObject[];
  readonly quotas: readonly FleetQuota[];
  /** From the end of a grant to each confirmation, in milliseconds, over the last day. Absent: nothing ended. */
  readonly revocationLag?: {
    readonly p50Ms: number;
    readonly p99Ms: number;
    readonly maxMs: number;
    readonly count: number;
  };
  readonly grants: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

/** A condition of an object, shortened. */
export interface FleetCondition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
}

export interface FleetObject {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly conditions: readonly FleetCondition[];
}

export interface FleetProxy extends FleetObject {
  readonly tasks: readonly {
    readonly taskARN: string;
    readonly version: string;
    readonly skewMs: number;
    readonly sessions?: number;
    readonly draining?: boolean;
    /** Bytes of its audit spool that are not shipped yet. */
    readonly spoolBytes?: number;
  }[];
}

export interface FleetDatabase extends FleetObject {
  readonly engine: string;
  readonly endpoint?: string;
  readonly activeGrants: number;
}

/** Use of one limit of AWS. */
export interface FleetQuota {
  /** Such as `permission sets in account 111122223333`. */
  readonly name: string;
  readonly used: number;
  readonly limit: number;
}
