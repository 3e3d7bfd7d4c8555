import { defined } from "#lib/defined.ts";
import { UserError } from "#lib/errors.ts";
import { isGrantID } from "#lib/grant-id.ts";
import { type Invocation, valueOf } from "../command.ts";
import type { ControlClient } from "../control/client.ts";
import { checkGrantText, findGrant } from "../grants/find.ts";
import { parseDuration } from "../output/duration.ts";
import { parseInstant } from "../output/instant.ts";
import { checkSessionText, findSession } from "../sessions/find.ts";

/** The filter as the control API takes it; its grant and session may still be beginnings of IDs. */
export type StatementFilter = Readonly<Record<string, string>>;

/** Reads the filter options as typed. Throws a `UserError` for the first that is wrong, before anybody is asked. */
export function filterOf(invocation: Invocation): StatementFilter {
  const { world } = invocation;
  const [grant, session, outcome] = ["grant", "session", "outcome"].map((name) => valueOf(invocation, name));
  const instantOf = (name: string): string | undefined => {
    const text = valueOf(invocation, name);
    return text === undefined ? undefined : parseInstant(name, text, world.clock.now(), -1);
  };
  if (grant !== undefined) {
    checkGrantText(grant);
  }
  if (session !== undefined) {
    checkSessionText(session);
  }
  return defined({
    userName: valueOf(invocation, "user"),
    grantID: grant,
    database: valueOf(invocation, "database"),
    session,
    text: valueOf(invocation, "text"),
    outcome,
    minDurationMs: durationMsOf(valueOf(invocation, "min-duration")),
    minRows: readCount(invocation, "min-rows")?.toString(),
    since: instantOf("since"),
    until: instantOf("until"),
  }) as StatementFilter;
}

/** The filter with whole IDs. A whole ID of a grant is taken as it is: the trail outlives the grant. */
export async function withIDs(
  control: ControlClient,
  filter: StatementFilter,
  { world }: Invocation,
): Promise<StatementFilter> {
  const { grantID, session } = filter;
  return {
    ...filter,
    ...(grantID === undefined || isGrantID(grantID)
      ? {}
      : { grantID: (await findGrant(control, grantID, world)).grantID }),
    ...(session === undefined ? {} : { session: (await findSession(control, session, world)).session }),
  };
}

/** A whole number as typed; undefined when it was not given. */
export function readCount(invocation: Invocation, name: string): number | undefined {
  const text = valueOf(invocation, name);
  if (text !== undefined && !/^\d{1,15}$/.test(text)) {
    throw new UserError("InvalidNumber", `--${name} must be a whole number, found "${text}"`);
  }
  return text === undefined ? undefined : Number(text);
}

/** Statements are short: milliseconds can be asked for too. */
function durationMsOf(text: string | undefined): string | undefined {
  const [, milliseconds] = /^(\d{1,9})ms$/.exec(text ?? "") ?? [];
  return text === undefined ? undefined : (milliseconds ?? String(parseDuration(text) * 1_000));
}
