import { defined } from "#lib/defined.ts";
import type { SessionList } from "#wire/control-api.ts";
import { type Invocation, isSet, valueOf } from "../command.ts";
import { checkGrantText, findGrant } from "../grants/find.ts";
import { factLines } from "../grants/screen.ts";
import { parseInstant } from "../output/instant.ts";
import { signedIn } from "../signin/signed-in.ts";
import { checkSessionText, findSession } from "./find.ts";

/** `sallyport sessions list` */
export async function listSessions(invocation: Invocation): Promise<number> {
  const { world } = invocation;
  const instantOf = (name: string): string | undefined => {
    const text = valueOf(invocation, name);
    return text === undefined ? undefined : parseInstant(name, text, world.clock.now(), -1);
  };
  const asked = defined({
    userName: valueOf(invocation, "user"),
    database: valueOf(invocation, "database"),
    since: instantOf("since"),
    until: instantOf("until"),
    open: isSet(invocation, "open") ? "true" : undefined,
  });
  const grant = valueOf(invocation, "grant");
  if (grant !== undefined) {
    checkGrantText(grant);
  }
  const { items } = await signedIn(world, async ({ control }) => {
    const grantID = grant === undefined ? undefined : (await findGrant(control, grant, world)).grantID;
    const query = new URLSearchParams(defined({ ...asked, grantID }));
    return control.get<SessionList>(`/v1/sessions?${query}`, { signal: world.signal });
  });
  world.output.rows(
    items,
    [
      ["session", ({ session }) => session],
      ["person", ({ userName }) => userName],
      ["database", ({ database }) => database],
      ["role", ({ role }) => role],
      ["began", ({ startTime }) => startTime],
      ["ended", ({ endTime, closeReason }) => (endTime === undefined ? "-" : `${endTime} ${closeReason ?? ""}`.trim())],
      ["statements", ({ statements }) => String(statements)],
    ],
    "No sessions found.",
  );
  return 0;
}

/** `sallyport sessions get` */
export async function getSession(invocation: Invocation): Promise<number> {
  const { world, positionals } = invocation;
  const [typed = ""] = positionals;
  checkSessionText(typed);
  const session = await signedIn(world, ({ control }) => findSession(control, typed, world));
  world.output.result(session, () =>
    factLines(Object.entries(session).map(([name, value]) => [name, String(value)] as const))
      .map((line) => line.slice(4))
      .join("\n"),
  );
  return 0;
}
