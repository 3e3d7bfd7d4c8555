import { randomBytes } from "node:crypto";
import { SSMClient } from "@aws-sdk/client-ssm";
import { silentLog } from "#lib/log.ts";
import type { ConnectInfo } from "#wire/control-api.ts";
import type { World } from "../command.ts";
import type { ControlClient } from "../control/client.ts";
import { roleCredentials } from "../signin/role-credentials.ts";
import type { Session } from "../signin/session.ts";
import { startPortSession } from "../ssm/session.ts";
import { openTunnel } from "../ssm/tunnel.ts";
import { type GrantTunnel, openGrantTunnel } from "../tunnel/grant-tunnel.ts";

/** A way to the database: the SSM session and the proven tunnel in it. */
export interface Connection {
  readonly info: ConnectInfo;
  readonly tunnel: GrantTunnel;
  /** Settles with the reason when the SSM session or the grant's tunnel is over; never rejects. */
  readonly ended: Promise<Ending>;
  close(): Promise<void>;
}

/** `final`: the grant is over. Otherwise the way was lost and may be found again. */
export interface Ending {
  readonly final: boolean;
  readonly message: string;
}

/** Where the database is now, for the grant's own person. */
export function fetchConnectInfo(control: ControlClient, grantID: string, world: World): Promise<ConnectInfo> {
  return control.get<ConnectInfo>(`/v1/grants/${grantID}/connect`, world.signal);
}

/** Opens the whole way: the grant's credentials from the portal, an SSM session to the proxy's task, the proof to the proxy. */
export async function connect(session: Session, grantID: string, world: World): Promise<Connection> {
  const info = await fetchConnectInfo(session.control, grantID, world);
  const role = { accountID: info.accountID, permissionSet: info.permissionSet };
  const credentials = await roleCredentials(session.portal, role, world, { patient: true });
  const ssm = new SSMClient({ region: info.region, credentials });
  const started = await startPortSession({
    client: ssm,
    target: info.target,
    port: info.port,
    reason: `sallyport ${grantID} ${info.database}/${info.role}`,
  });
  const ssmTunnel = await openTunnel({ ...started, clock: world.clock, random: randomBytes, log: silentLog });
  try {
    const tunnel = await openGrantTunnel({
      open: () => ssmTunnel.open(),
      info,
      credentials,
      clock: world.clock,
      client: `sallyport/${world.version} ${process.platform}`,
      onWarning: (warning) => world.output.event("WARNING", warning.message, { remainingMs: warning.remainingMs }),
    });
    return {
      info,
      tunnel,
      ended: Promise.race([
        tunnel.ended.then((over): Ending => {
          if ("end" in over) {
            const final = over.end.reason === "expired" || over.end.reason === "revoked";
            return { final, message: over.end.message };
          }
          return { final: false, message: over.broken.message };
        }),
        ssmTunnel.closed.then((closed): Ending => ({
          final: false,
          message: closed.output ?? closed.error?.message ?? `the SSM session is over (${closed.reason})`,
        })),
      ]),
      async close() {
        tunnel.close();
        await ssmTunnel.close();
        ssm.destroy();
      },
    };
  } catch (error) {
    await ssmTunnel.close();
    ssm.destroy();
    throw error;
  }
}
