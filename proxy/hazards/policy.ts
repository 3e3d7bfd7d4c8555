import { hazardNotice } from "#audit/hazard-notice.ts";
import type { HazardPolicy } from "#wire/link.ts";
import { type Findings, type Hazard, type RefusableHazard, refusableHazards } from "./hazard.ts";

/** What is done about a statement: notices for its record, and why it is refused, if it is. */
export interface HazardVerdict {
  /** Of the hazards; that the statement was refused says `refusal`. */
  readonly notices: readonly string[];
  readonly refusal?: { readonly message: string; readonly hint: string };
}

/** What a refusal names. */
export interface HazardPlace {
  /** `namespace/name` of the Database. */
  readonly database: string;
  /** The database user that people share. */
  readonly username: string;
}

/** An absent policy flags. */
export const flagOnly: HazardPolicy = { policy: "Flag", sessionReads: "Flag", expectedSettings: [] };

const deeds: Readonly<Record<RefusableHazard, string>> = {
  "credential-change": "it changes how the shared database user logs in",
  "session-end": "it ends or cancels another session",
  "role-settings": "it changes settings that later sessions inherit",
  "session-read": "it reads what other sessions run",
  "unseen-sql":
    "it runs SQL that was not read: a prepared statement of unknown text, or more text than can be looked through",
};

/** Decides about a statement. Undefined where there is nothing to say. */
export function decideHazards(
  hazards: ReadonlySet<Hazard>,
  policy: HazardPolicy,
  place: HazardPlace,
): HazardVerdict | undefined {
  if (hazards.size === 0) {
    return undefined;
  }
  const notices = [...hazards].sort().map((hazard) => `${hazardNotice}${hazard}`);
  const refused = refusableHazards.find((hazard) => hazards.has(hazard) && isDenied(hazard, policy));
  return refused === undefined ? { notices } : { notices, refusal: refusalOf(refused, place) };
}

/** A statement of which a part was too large to be read, and may hold a hazard: a notice says so, and `Deny` refuses it. */
export function notInspected(
  verdict: HazardVerdict | undefined,
  { policy, sessionReads }: HazardPolicy,
  { database }: HazardPlace,
): HazardVerdict {
  const notices = [...(verdict?.notices ?? []), `${hazardNotice}not-inspected`].sort();
  const field = policy === "Deny" ? "policy" : "sessionReads";
  const refusal = {
    message: `the statement was refused, since it is too large to be inspected and has words of statements that are refused (Database ${database}, sharedUserHazards.${field}: Deny)`,
    hint: "Send it in several statements, or its data as parameters or with COPY.",
  };
  return policy === "Deny" || sessionReads === "Deny" ? { notices, refusal: verdict?.refusal ?? refusal } : { notices };
}

function isDenied(hazard: RefusableHazard, { policy, sessionReads }: HazardPolicy): boolean {
  return (hazard === "session-read" ? sessionReads : policy) === "Deny";
}

function refusalOf(hazard: RefusableHazard, { database, username }: HazardPlace): { message: string; hint: string } {
  const field = hazard === "session-read" ? "sessionReads" : "policy";
  return {
    message: `the statement was refused and not sent, since ${deeds[hazard]} (Database ${database}, sharedUserHazards.${field}: Deny)`,
    hint: `Several people work as "${username}". Ask an administrator of the database to do it, or to allow it with sharedUserHazards.${field}: Flag.`,
  };
}

/** Most names that one session's SQL and messages may give to statements before unknown ones are no longer told apart. */
export const namesMax = 10_000;

/** What the names of prepared statements stand for, as far as a session's own messages gave them. */
export class PreparedHazards {
  readonly #names = new Map<string, ReadonlySet<Hazard>>();

  /** A statement was given a name. What the name meant before counts on, since nobody knows which of the two the server has. */
  note(name: string, hazards: ReadonlySet<Hazard>): void {
    const known = this.#names.get(name);
    if (known !== undefined || this.#names.size < namesMax) {
      this.#names.set(name, known === undefined || known.size === 0 ? hazards : new Set([...known, ...hazards]));
    }
  }

  /** What a text can do, the statements that it executes by name included. */
  hazardsOf({ hazards, prepares, executes }: Findings): ReadonlySet<Hazard> {
    if (executes.length === 0) {
      return hazards;
    }
    // A text can hold tens of thousands of either.
    const own = new Set(prepares);
    const foreign = new Set(executes.filter((name) => !own.has(name)));
    const unknown = this.#names.size < namesMax ? unseen : none;
    return new Set([...hazards, ...[...foreign].flatMap((name) => [...(this.#names.get(name) ?? unknown)])]);
  }
}

const none: ReadonlySet<Hazard> = new Set();
const unseen: ReadonlySet<Hazard> = new Set(["unseen-sql"]);
