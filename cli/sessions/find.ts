import { UserError } from "#lib/errors.ts";
import type { SessionList, SessionView } from "#wire/control-api.ts";
import type { World } from "../command.ts";
import type { ControlClient } from "../control/client.ts";

/** Hexadecimal digits and dashes, or a beginning of them. */
const sessionText = /^[\w-]{1,64}$/;
/** Of a UUID without its dashes: a shorter text is a beginning. */
const wholeLength = 32;
const candidatesShown = 10;

/** Throws for what can be no session. */
export function checkSessionText(typed: string): void {
  if (!sessionText.test(typed)) {
    throw new UserError("InvalidSession", `"${typed}" is no session`, { next: "sallyport sessions list" });
  }
}

/** The session that `typed` means: its ID, or a beginning that fits one only. Throws with the candidates where several fit. */
export async function findSession(control: ControlClient, typed: string, world: World): Promise<SessionView> {
  if (typed.length >= wholeLength) {
    return control.get<SessionView>(`/v1/sessions/${typed}`, { signal: world.signal });
  }
  const { items } = await control.get<SessionList>("/v1/sessions", { signal: world.signal });
  const exact = items.filter(({ session }) => session === typed);
  const fitting = exact.length > 0 ? exact : items.filter(({ session }) => session.startsWith(typed));
  const [only, second] = fitting;
  if (only === undefined) {
    throw new UserError("SessionNotFound", `you have no session ${typed}`, { next: "sallyport sessions list" });
  }
  if (second !== undefined) {
    const shown = fitting.slice(0, candidatesShown).map((one) => `${one.session}: ${one.userName}, ${one.database}`);
    throw new UserError("AmbiguousSession", `${typed} fits ${fitting.length} sessions`, {
      why: `it may be ${shown.join("; ")}`,
      next: "Type more of its ID.",
    });
  }
  return only;
}
