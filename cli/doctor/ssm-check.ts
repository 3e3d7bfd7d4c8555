import { SSMClient, StartSessionCommand, TerminateSessionCommand } from "@aws-sdk/client-ssm";
import { awsHttp } from "#lib/aws-http.ts";
import { coerceError, UserError } from "#lib/errors.ts";
import type { ConnectInfo, GrantList, GrantView } from "#wire/control-api.ts";
import type { World } from "../command.ts";
import { roleCredentials } from "../signin/role-credentials.ts";
import type { Session } from "../signin/session.ts";
import { type Finding, ok, problem, problemOf, skipped } from "./finding.ts";
import { probe } from "./probe.ts";

const openFirewall = "Let this computer reach it over HTTPS (port 443), also through a corporate proxy.";

/** Whether the two endpoints of Session Manager answer, and whether a session could be started under a live grant. */
export async function checkSsm(session: Session | undefined, world: World): Promise<readonly Finding[]> {
  if (session === undefined) {
    return [skipped("ssm", "its region is known only to somebody signed in")];
  }
  const live = await ownLiveGrant(session, world);
  const info = live === undefined ? undefined : await connectInfo(session, live, world);
  const region = info instanceof UserError ? undefined : info?.region;
  const reached = await Promise.all(
    endpoints(region ?? session.signIn.ssoRegion, world).map((url) => reach(url, world)),
  );
  return [...reached, await startable(session, live, info, world)];
}

/** Where the AWS SDKs look (AWS SDKs and Tools Reference Guide, "Service-specific endpoints"). */
function endpoints(region: string, { environment }: World): readonly string[] {
  const all = environment["AWS_ENDPOINT_URL"];
  const ssm = environment["AWS_ENDPOINT_URL_SSM"] ?? all ?? `https://ssm.${region}.amazonaws.com`;
  return all === undefined ? [ssm, `https://ssmmessages.${region}.amazonaws.com`] : [ssm];
}

/** Any answer will do: without a signature the service refuses, and is there. */
async function reach(url: string, world: World): Promise<Finding> {
  try {
    const { tookMs } = await probe(url, { signal: world.signal, now: () => world.clock.now() });
    return ok("ssm", `${url} answered within ${Math.round(tookMs)} ms`);
  } catch (error) {
    return problem("ssm", `${url} cannot be reached`, { why: coerceError(error).message, next: openFirewall });
  }
}

async function ownLiveGrant({ control, person }: Session, world: World): Promise<GrantView | undefined> {
  const query = new URLSearchParams({ state: "Active", userName: person.userName });
  const { items } = await control.get<GrantList>(`/v1/grants?${query}`, { signal: world.signal });
  return items[0];
}

async function connectInfo({ control }: Session, grant: GrantView, world: World): Promise<ConnectInfo | UserError> {
  try {
    return await control.get<ConnectInfo>(`/v1/grants/${grant.grantID}/connect`, { signal: world.signal });
  } catch (error) {
    if (error instanceof UserError) {
      return error;
    }
    throw error;
  }
}

/**
 * Whether StartSession is allowed, without starting a session: the port is one that the document's pattern does not take, which AWS
 * says only to those who may start one.
 */
async function startable(
  session: Session,
  grant: GrantView | undefined,
  info: ConnectInfo | UserError | undefined,
  world: World,
): Promise<Finding> {
  if (grant === undefined || info === undefined) {
    return skipped("session", "you hold no live grant, so nothing could be started under one");
  }
  const what = `${grant.role} on ${grant.database}`;
  if (info instanceof UserError) {
    return problemOf("session", info);
  }
  const role = { accountID: info.accountID, permissionSet: info.permissionSet };
  let client: SSMClient | undefined;
  try {
    const credentials = await roleCredentials(
      session.portal,
      role,
      { ...world, interactive: false },
      { patient: false },
    );
    client = new SSMClient({ region: info.region, credentials, maxAttempts: 2, requestHandler: awsHttp() });
    const started = await client.send(
      new StartSessionCommand({
        Target: info.target,
        DocumentName: info.document,
        Parameters: { portNumber: ["0"], localPortNumber: ["0"] },
      }),
      { abortSignal: world.signal },
    );
    // Nobody uses it, should AWS ever take such a port.
    await client.send(new TerminateSessionCommand({ SessionId: started.SessionId }));
    return ok("session", `${what}: a session could be started`);
  } catch (error) {
    return startVerdict(coerceError(error), what, role);
  } finally {
    client?.destroy();
  }
}

function startVerdict(error: Error, what: string, role: { accountID: string; permissionSet: string }): Finding {
  if (error instanceof UserError) {
    return problemOf("session", error);
  }
  switch (error.name) {
    // The document's own pattern refuses the port, which is looked at after the permission.
    case "InvalidParameters":
    case "ValidationException":
      return ok("session", `${what}: a session could be started with ${role.permissionSet} in ${role.accountID}`);
    case "AccessDeniedException":
      return problem("session", `${what}: AWS does not let you start a session`, {
        why: error.message,
        next: "A new grant takes AWS some seconds. If it stays so, show this to whoever operates Sallyport.",
      });
    case "TargetNotConnected":
      return problem("session", `${what}: the proxy's task is not connected to Session Manager`, {
        why: error.message,
        next: "Try again in a minute; if it stays so, tell whoever operates Sallyport.",
      });
    default:
      return problem("session", `${what}: it could not be found out whether a session may be started`, {
        why: `${error.name}: ${error.message}`,
        next: "Check the network, then try again.",
      });
  }
}
