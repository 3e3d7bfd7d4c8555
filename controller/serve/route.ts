import type { ApiError } from "#wire/control-api.ts";
import type { Principal } from "./auth/tokens.ts";

/**
 * Who may call a route.
 * - `public`: anybody who reaches the port; for what must work before signing in.
 * - `person`: anybody signed in; the handler shows them their own things only.
 * - `auditor`: members of the auditor or the administrator group.
 * - `administrator`: members of the administrator group.
 */
export type Rule = "public" | "person" | "auditor" | "administrator";

/** A caller with what they may do beyond their own grants. */
export interface Caller extends Principal {
  /** Sees all grants: a member of the auditor or the administrator group. */
  readonly auditor: boolean;
  readonly administrator: boolean;
  /** A member of the auditor group: the statements of others are for them alone. */
  readonly auditGroup: boolean;
  /** Names the token that the caller came with, without being it. */
  readonly session: string;
  /** Ends what the caller came with. Absent: they came with nothing that ends, as from Slack. */
  readonly signOut?: () => void;
  /** Came with the cookie of a browser. Absent: with a bearer token. */
  readonly isBrowser?: boolean;
  /** How long a browser's session lasts at most, in milliseconds. Absent: the caller came with a bearer token. */
  readonly sessionLeftMs?: number;
}

/** JSON Schema, as far as routes use it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** One route of the control API. The same data serves dispatch, validation, authorisation and the OpenAPI document. */
export interface Route {
  readonly method: "GET" | "POST" | "DELETE";
  /** Path with `{name}` parameters, such as `/v1/grants/{grantID}`. */
  readonly path: string;
  readonly operationID: string;
  /** One sentence for the OpenAPI document. */
  readonly summary: string;
  readonly rule: Rule;
  /** Schemas of the path's parameters, by name; one without a schema may be any non-empty text. */
  readonly parameters?: Readonly<Record<string, JsonSchema>>;
  /** Query parameters by name. All are optional strings unless the schema says `integer`. */
  readonly query?: Readonly<Record<string, JsonSchema>>;
  readonly body?: JsonSchema;
  /** Schema of the answer; for `streams` of one line. */
  readonly response: JsonSchema;
  /** The answer is newline-delimited JSON that stays open: `handle` gives the lines, or promises them where it must ask before it begins. */
  readonly streams?: boolean;
  handle(request: RouteRequest): Promise<unknown> | AsyncIterable<unknown>;
}

/** A request whose path, query and body fit the route's schemas. */
export interface RouteRequest {
  readonly path: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body: unknown;
  /** Defined except on `public` routes. */
  readonly caller: Caller | undefined;
  /** Where the connection comes from. Absent: there is none. */
  readonly address?: string;
  /** Aborted when the client goes away; for a route that streams, also when the caller's token is over. */
  readonly signal: AbortSignal;
}

/** An answer other than success. `status` is the HTTP status; the parts are shown to the person as they stand. */
export class HttpProblem extends Error {
  readonly status: 400 | 401 | 403 | 404 | 405 | 409 | 413 | 422 | 429 | 500 | 503;
  readonly body: ApiError;

  constructor(
    status: HttpProblem["status"],
    code: string,
    message: string,
    parts: { readonly why?: string; readonly next?: string } = {},
  ) {
    super(message);
    this.name = "HttpProblem";
    this.status = status;
    this.body = { error: { code, message, ...parts } };
  }
}

/** The caller of a route that only signed-in people reach. */
export function callerOf(request: RouteRequest): Caller {
  if (request.caller === undefined) {
    throw new Error("a public route asked for its caller");
  }
  return request.caller;
}
