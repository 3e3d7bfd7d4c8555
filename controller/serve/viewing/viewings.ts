import type { Trail } from "#audit/event/trail.ts";
import type { Grant } from "#kinds/index.ts";
import { canonicalJson } from "#kinds/index.ts";
import { defined } from "#lib/defined.ts";
import type { Log } from "#lib/log.ts";
import { recordOrRefuse } from "../record-or-refuse.ts";
import type { Caller } from "../route.ts";

/**
 * Viewings that are remembered as recorded. 50,000 tokens (auth/tokens.ts) with two grants each, at some 200 bytes: 20 MB. Beyond it the
 * oldest is forgotten, and recorded once more when it is repeated.
 */
export const viewingsMax = 100_000;

/** What somebody looks at. */
export interface Viewing {
  /** Such as `statements` or `tail`. */
  readonly what: string;
  readonly grant?: Grant;
  /** Absent for a grant that is no longer known, and for a search over many. */
  readonly grantID?: string;
  readonly session?: string;
  /** What was searched for. */
  readonly filter?: Readonly<Record<string, unknown>>;
}

/** Puts on record who looked at whose statements: once for each token and grant, or search. What cannot be recorded is not shown. */
export class Viewings {
  readonly #services: { readonly trail: Trail; readonly log: Log };
  /** By token, and grant or search. */
  readonly #recorded = new Map<string, Promise<void>>();

  constructor(services: { readonly trail: Trail; readonly log: Log }) {
    this.#services = services;
  }

  /** Resolves once the viewing is on record. Throws 503 where it cannot be. */
  async record(caller: Caller, viewing: Viewing): Promise<void> {
    const key = `${caller.session} ${viewing.grantID ?? canonicalJson(viewing.filter ?? {})}`;
    const known = this.#recorded.get(key);
    if (known !== undefined) {
      return known;
    }
    const recording = this.#record(caller, viewing);
    this.#recorded.set(key, recording);
    const [oldest] = this.#recorded.keys();
    if (this.#recorded.size > viewingsMax && oldest !== undefined) {
      this.#recorded.delete(oldest);
    }
    try {
      await recording;
    } catch (error) {
      this.#recorded.delete(key);
      throw error;
    }
  }

  async #record(caller: Caller, { what, grant, grantID, session, filter }: Viewing): Promise<void> {
    const event = {
      event: "statements.viewed",
      actor: { kind: "User", name: caller.userName },
      ...defined({ grantID, session }),
      ...(grant === undefined ? {} : subjectOf(grant)),
      detail: { what, ...(filter === undefined ? {} : { filter: canonicalJson(filter) }) },
    } as const;
    await recordOrRefuse(this.#services, event, { code: "ViewingNotRecorded", what: "who looks at statements" });
  }
}

/** Whose access an event is about. */
export function subjectOf({ metadata, spec }: Grant): {
  readonly grant: string;
  readonly userName: string;
  readonly database: string;
  readonly role: string;
} {
  return {
    grant: `${metadata.namespace}/${metadata.name}`,
    userName: spec.principal.name,
    database: `${metadata.namespace}/${spec.databaseRef.name}`,
    role: spec.roleName,
  };
}
