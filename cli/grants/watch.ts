import { printable } from "#audit/text.ts";
import type { GrantView, GrantWatchLine } from "#wire/control-api.ts";
import { type Invocation, valueOf } from "../command.ts";
import { followLines } from "../control/follow.ts";
import { signedIn } from "../signin/signed-in.ts";
import { checkGrantText, findGrant, handleOf } from "./find.ts";
import { isGone, isView } from "./follow.ts";

/** `sallyport grants watch`: until it is interrupted, or the one grant is not there any more. */
export async function watchGrants(invocation: Invocation): Promise<number> {
  const { world, positionals } = invocation;
  const [typed] = positionals;
  const scope = valueOf(invocation, "scope") ?? "all";
  if (typed !== undefined) {
    checkGrantText(typed);
  }
  return signedIn(world, async ({ control }) => {
    const one = typed === undefined ? undefined : await findGrant(control, typed, world);
    const path =
      one === undefined || one.grantID === "" ? `/v1/grants/watch?scope=${scope}` : `/v1/grants/${one.grantID}/watch`;
    /** What was said of each: a stream that is opened again tells everything again. */
    const told = new Map<string, string>();
    try {
      for await (const line of followLines<GrantWatchLine>(control, () => path, world)) {
        if (isGone(line)) {
          world.output.line(line, () => `${line.grantID} is gone`);
          if (one !== undefined && one.grantID === line.grantID) {
            return 0;
          }
          continue;
        }
        if (!isView(line) || (one !== undefined && (one.name !== line.name || one.namespace !== line.namespace))) {
          continue;
        }
        const key = `${line.namespace}/${line.name}`;
        const text = JSON.stringify(line);
        if (told.get(key) !== text) {
          told.set(key, text);
          world.output.line(line, () => watchText(line));
          await world.output.drained();
        }
      }
    } catch (error) {
      if (!world.signal.aborted) {
        throw error;
      }
    }
    return 0;
  });
}

function watchText(grant: GrantView): string {
  const { userName, role, database, state, message, expiryTime } = grant;
  const until = state === "Active" && expiryTime !== undefined ? ` until ${expiryTime}` : "";
  return printable(
    `${handleOf(grant)}  ${userName}  ${database}/${role}  ${state}${until}${message === "" ? "" : `  ${message}`}`,
  );
}
