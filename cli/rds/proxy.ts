import { defined } from "#lib/defined.ts";
import { UserError } from "#lib/errors.ts";
import { type Invocation, isSet, valueOf } from "../command.ts";
import { parseDuration } from "../output/duration.ts";
import { openSession } from "../signin/session.ts";
import { chooseEntitlement } from "./choose.ts";
import { localPort } from "./connection-text.ts";
import { openFront } from "./front.ts";
import { ensureGrant } from "./request.ts";
import { serveGrant } from "./serve.ts";

/** Runs `sallyport rds proxy`: choose, take the port, get access, serve. A busy port is found before anything is asked for. */
export async function proxyDatabase(invocation: Invocation): Promise<number> {
  const { world } = invocation;
  const typedPort = readPort(valueOf(invocation, "port"));
  const duration = valueOf(invocation, "duration");
  const request = {
    ...defined({
      durationSeconds: duration === undefined ? undefined : parseDuration(duration),
      reason: valueOf(invocation, "reason"),
    }),
    yes: isSet(invocation, "yes"),
  };
  const wanted = defined({
    database: valueOf(invocation, "database"),
    role: valueOf(invocation, "role"),
    namespace: valueOf(invocation, "namespace"),
  });
  const session = await openSession(world);
  try {
    const entitlement = await chooseEntitlement(session.control, wanted, world);
    const front = await openFront(localPort(entitlement, typedPort), entitlement.engine, world);
    try {
      const grant = await ensureGrant(session.control, entitlement, request, world);
      const served = await serveGrant(session, grant, front, world);
      if (served.kind === "stopped") {
        return 0;
      }
      const { grantID } = grant;
      const message = `The connection to the proxy server has ended: ${served.message}`;
      world.output.event("ENDED", message, { grantID, message: served.message });
      world.output.note(
        `Your grant may have expired, you can check the status here: sallyport grants get ${grantID} and retry connecting`,
      );
      return 1;
    } finally {
      await front.close();
    }
  } finally {
    session.close();
  }
}

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
