import { UserError } from "#lib/errors.ts";
import { type Command, isSet, valueOf } from "../command.ts";
import { parseDuration } from "../output/duration.ts";
import { chooseEntitlement } from "../rds/choose.ts";
import { ensureGrant } from "../rds/request.ts";
import { serveGrant } from "../rds/serve.ts";
import { openSession } from "../signin/session.ts";
import { defined } from "#lib/defined.ts";

/** `sallyport rds proxy`: a database on 127.0.0.1 for as long as the grant lives. */
export const rdsProxy: Command = {
  name: "rds proxy",
  summary: "Connect to a database: asks for access if needed, then serves it on 127.0.0.1",
  options: [
    { name: "database", value: "NAME", summary: "which database; a pick list when absent" },
    { name: "role", value: "NAME", summary: "which role on it; a pick list when absent" },
    { name: "namespace", value: "NAME", summary: "namespace of the database, where several have one of that name" },
    {
      name: "duration",
      short: "d",
      value: "DURATION",
      summary: "how long, such as 45m or 8h (default: the workflow's)",
    },
    { name: "reason", value: "TEXT", summary: "why; kept in the audit trail" },
    { name: "port", short: "p", value: "PORT", summary: "local port (default: the database's own, 5432 or 3306)" },
    { name: "yes", short: "y", summary: "do not ask for confirmation" },
  ],
  examples: [
    { run: "sallyport rds proxy", does: "choose from what you may use" },
    {
      run: 'sallyport rds proxy --database orders --role read_only --duration 1h --reason "INC-42" --yes',
      does: "no questions asked",
    },
  ],
  async run(invocation) {
    const { world } = invocation;
    const port = readPort(valueOf(invocation, "port"));
    const duration = valueOf(invocation, "duration");
    const durationSeconds = duration === undefined ? undefined : parseDuration(duration);
    const session = await openSession(world);
    try {
      const wanted = defined({
        database: valueOf(invocation, "database"),
        role: valueOf(invocation, "role"),
        namespace: valueOf(invocation, "namespace"),
      });
      const entitlement = await chooseEntitlement(session.control, wanted, world);
      const options = {
        ...defined({ durationSeconds, reason: valueOf(invocation, "reason") }),
        yes: isSet(invocation, "yes"),
      };
      const grant = await ensureGrant(session.control, entitlement, options, world);
      const ending = await serveGrant(session, grant, port, world);
      if (world.signal.aborted) {
        return 0;
      }
      world.output.event("ENDED", `The connection to the proxy has ended: ${ending.message}`, {
        grantID: grant.grantID,
        message: ending.message,
      });
      world.output.note(`See the grant: sallyport grants get ${grant.grantID}`);
      return 1;
    } finally {
      session.close();
    }
  },
};

function readPort(text: string | undefined): number | undefined {
  if (text === undefined) {
    return undefined;
  }
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535) {
    throw new UserError("InvalidPort", `"${text}" is not a port`, { next: "Give a number from 1 to 65535." });
  }
  return port;
}
