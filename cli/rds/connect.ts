import { SSMClient } from "@aws-sdk/client-ssm";
import { awsHttp } from "#lib/aws-http.ts";
import { silentLog } from "#lib/log.ts";
import type { ConnectInfo } from "#wire/control-api.ts";
import type { Warning } from "#wire/handshake.ts";
import type { World } from "../command.ts";
import { isTransient } from "../control/failure.ts";
import { roleCredentials } from "../signin/role-credentials.ts";
import type { Session } from "../signin/session.ts";
import type { Tunnel } from "../ssm/options.ts";
import { startPortSession } from "../ssm/session.ts";
import { openTunnel } from "../ssm/tunnel.ts";
import { type GrantTunnel, type GrantTunnelEnd, openGrantTunnel } from "../tunnel/grant-tunnel.ts";

/** A way to the database: the SSM session and the proven tunnel in it. */
export interface Connection {
  readonly info: ConnectInfo;
  readonly tunnel: GrantTunnel;
  /** Resolves with the proxy's words when it asks for another tunnel for new connections; this one goes on for those that are open. */
  readonly draining: Promise<string>;
  /** Resolves as soon as no database connection goes through it. */
  idle(): Promise<void>;
  /** When anything came last through it, by the monotonic clock, milliseconds. */
  heardMs(): number;
  /** Finds out within seconds whether it still works: it is mended without a word where it can be, else `ended` settles. */
  probe(): void;
  /** Settles with the reason when the SSM session or the grant's tunnel is over; never rejects. */
  readonly ended: Promise<Ending>;
  /** Ends both. Never rejects. */
  close(): Promise<void>;
}

/** `final`: the grant is over. Otherwise the way was lost and may be found again. */
export interface Ending {
  readonly final: boolean;
  readonly message: string;
}

export interface ConnectOptions {
  /** How the database was reached last: where the control API cannot be asked, that may still hold. */
  readonly known?: ConnectInfo;
  /** What the proxy says about the coming end. */
  readonly onWarning?: (warning: Warning) => void;
}

/** Opens the whole way: the grant's credentials from the portal, an SSM session to the proxy's task, the proof to the proxy. */
export async function connect(
  session: Session,
  grantID: string,
  world: World,
  options: ConnectOptions = {},
): Promise<Connection> {
  const info = await connectInfo(session, grantID, world, options.known);
  const fetchCredentials = (patient: boolean) =>
    roleCredentials(session.portal, { accountID: info.accountID, permissionSet: info.permissionSet }, world, {
      patient,
    });
  const credentials = await fetchCredentials(true);
  let first: typeof credentials | undefined = credentials;
  const ssm = new SSMClient({
    region: info.region,
    // Its few calls are minutes apart. A connection that is kept may have died while the computer slept, and would hold up the one call that
    // finds the way again.
    requestHandler: { ...awsHttp(), httpAgent: { keepAlive: false }, httpsAgent: { keepAlive: false } },
    // A tunnel outlives its first credentials, and resuming it is signed too: the SDK asks again as they run out.
    credentials: async () => {
      const given = first ?? (await fetchCredentials(false));
      first = undefined;
      return given;
    },
  });
  let ssmTunnel: Tunnel | undefined;
  const close = async (): Promise<void> => {
    await ssmTunnel?.close().catch(() => {});
    ssm.destroy();
  };
  try {
    const reason = `sallyport ${grantID} ${info.database}/${info.role}`;
    const started = await startPortSession({ client: ssm, target: info.target, port: info.port, reason });
    ssmTunnel = await openTunnel({ ...started, clock: world.clock, random: world.random, log: silentLog });
    const opened = ssmTunnel;
    const tunnel = await openGrantTunnel({
      open: () => opened.open(),
      info,
      credentials,
      clock: world.clock,
      client: `sallyport/${world.version} ${process.platform}`,
      onWarning: options.onWarning ?? (() => {}),
      heardMs: () => opened.stats().heardMs,
    });
    return {
      info,
      tunnel,
      draining: tunnel.draining.then(({ message }) => message),
      idle: () => tunnel.idle(),
      heardMs: () => opened.stats().heardMs,
      probe: () => void opened.probe(linkProbeMs).then(() => tunnel.probe()),
      ended: Promise.race([tunnel.ended.then(endingOf), opened.closed.then(ssmEndingOf)]),
      async close() {
        tunnel.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A websocket's ping goes no further than to the service in its region: under half a second from anywhere, with room for a lost packet or two. */
const linkProbeMs = 3_000;

/** What the control API says now, else what it said last: a controller that restarts keeps nobody from their database. */
async function connectInfo(
  session: Session,
  grantID: string,
  world: World,
  known: ConnectInfo | undefined,
): Promise<ConnectInfo> {
  try {
    return await session.control.get<ConnectInfo>(`/v1/grants/${grantID}/connect`, { signal: world.signal });
  } catch (error) {
    if (known !== undefined && isTransient(error)) {
      return known;
    }
    throw error;
  }
}

function endingOf(over: GrantTunnelEnd): Ending {
  if ("end" in over) {
    return { final: ["expired", "revoked"].includes(over.end.reason), message: over.end.message };
  }
  return { final: false, message: over.broken.message };
}

function ssmEndingOf(closed: Awaited<Tunnel["closed"]>): Ending {
  const message = closed.output ?? closed.error?.message ?? `the SSM session is over (${closed.reason})`;
  return { final: false, message };
}
