import { coerceError, UserError } from "#lib/errors.ts";
import type { World } from "../command.ts";
import type { Config } from "../config/config.ts";
import { formatDuration } from "../output/duration.ts";
import { findOidcLogin } from "../signin/oidc/login-cache.ts";
import { openSession, type Session } from "../signin/session.ts";
import { type Finding, ok, problem, problemOf } from "./finding.ts";

/** Who the person is, by which sign-in, and how long it holds. Signs nobody in: what is not there is a problem. */
export async function checkIdentity(
  config: Config,
  world: World,
): Promise<{ readonly session?: Session; readonly findings: readonly Finding[] }> {
  const quiet: World = { ...world, interactive: false };
  let session: Session;
  try {
    session = await openSession(quiet, { config, kept: false });
  } catch (error) {
    return { findings: [failed("identity", error)] };
  }
  const { person, signIn } = session;
  const roles = person.roles.length === 0 ? "" : ` (${person.roles.join(", ")})`;
  const oidc = findOidcLogin(config.url, world);
  const by =
    oidc === undefined
      ? `permission set ${signIn.identityPermissionSet} in AWS account ${signIn.identityAccountID}`
      : "your OIDC issuer";
  const findings = [ok("identity", `you are ${person.userName}${roles} at ${signIn.installation}, by ${by}`)];
  try {
    const { expiryTime, region } = await session.portal.token();
    const left = formatDuration((Date.parse(expiryTime) - world.clock.now()) / 1_000);
    findings.push(ok("portal", `signed in to ${signIn.startURL} (${region}) until ${expiryTime}, ${left} more`));
  } catch (error) {
    const finding = failed("portal", error);
    // Whoever signs in by OIDC is asked by the portal once they connect.
    findings.push(oidc === undefined ? finding : { ...finding, verdict: "warning" });
  }
  return { session, findings };
}

function failed(check: string, error: unknown): Finding {
  return error instanceof UserError
    ? problemOf(check, error)
    : problem(check, coerceError(error).message, { next: "sallyport login" });
}
