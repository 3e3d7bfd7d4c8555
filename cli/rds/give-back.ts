import { coerceError, UserError } from "#lib/errors.ts";
import type { GrantView, RevokeRequest } from "#wire/control-api.ts";
import type { World } from "../command.ts";
import type { ControlClient } from "../control/client.ts";

/** The person waits for nothing else any more. */
const giveBackTimeoutMs = 15_000;

/** Ends the grant, or takes the request back. Answers whether that was heard; says so either way. Never rejects. */
export async function giveBack(control: ControlClient, grant: GrantView, world: World): Promise<boolean> {
  const { grantID } = grant;
  const next = `sallyport grants revoke ${grantID || "GRANT-ID"} --reason done`;
  try {
    if (grantID === "") {
      throw new Error("it has no ID yet");
    }
    // Not the command's signal: it is what brought us here.
    const body: RevokeRequest = { reason: "given back: the work is done" };
    await control.post<GrantView>(`/v1/grants/${grantID}/revoke`, body, { timeoutMs: giveBackTimeoutMs });
    world.output.event("REVOKED", `The grant ${grantID} was given back`, { grantID });
    return true;
  } catch (error) {
    const why = coerceError(error).message;
    world.output.error(new UserError("NotGivenBack", "the grant could not be given back", { why, next }));
    return false;
  }
}
