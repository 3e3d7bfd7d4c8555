import type { KillResponse } from "#wire/control-api.ts";
import { type Invocation, valueOf } from "../command.ts";
import { signedIn } from "../signin/signed-in.ts";
import { checkSessionText, findSession } from "./find.ts";

const backendText: Readonly<Record<KillResponse["backend"], string>> = {
  gone: "its process in the database is gone",
  alive: "its process in the database still runs; look at it there",
  unknown: "nobody could see whether its process in the database is gone",
};

/** `sallyport sessions kill`: exit 0 where the database's own process was seen to be gone. */
export async function killSession(invocation: Invocation): Promise<number> {
  const { world, positionals } = invocation;
  const [typed = ""] = positionals;
  checkSessionText(typed);
  const reason = valueOf(invocation, "reason") ?? "";
  return signedIn(world, async ({ control }) => {
    const { session } = await findSession(control, typed, world);
    const path = `/v1/sessions/${encodeURIComponent(session)}/kill`;
    const answer = await control.post<KillResponse>(path, { reason }, { signal: world.signal });
    world.output.result(answer, () => `Ended session ${session}: ${backendText[answer.backend]}`);
    return answer.backend === "gone" ? 0 : 1;
  });
}
