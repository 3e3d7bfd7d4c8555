import type { StatementEvent } from "./control-api.ts";

/** `GET /v1/audit/statistics?grantID=&session=&database=&userName=&since=&until=&buckets=`: what charts show. */
export interface Statistics {
  /** RFC 3339: of the first bucket's beginning. */
  readonly since: string;
  readonly bucketSeconds: number;
  /** One per bucket, from `since` on, empty ones too. */
  readonly buckets: readonly {
    readonly statements: number;
    readonly errors: number;
    readonly rows: number;
  }[];
  /** Slowest statements of the range, the slowest first, 20 at most. */
  readonly slowest: readonly StatementEvent[];
  /** Errors of the range by SQLSTATE or error number, most frequent first, 20 at most. */
  readonly errors: readonly { readonly code: string; readonly count: number; readonly message: string }[];
}
