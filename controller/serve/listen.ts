import { once } from "node:events";
import type { Server } from "node:net";
import { UserError } from "#lib/errors.ts";
import { type Address, formatAddress } from "../option-values.ts";

/** Listens at the address that was given with `--<flag>`. Rejects with a `UserError` where it cannot be had. */
export async function listenAt(server: Server, address: Address, flag: string): Promise<void> {
  server.listen(address.port, address.host);
  try {
    await once(server, "listening");
  } catch (error) {
    server.close();
    throw new UserError("ListenFailed", `cannot listen on ${formatAddress(address)}`, {
      why: error instanceof Error ? error.message : "",
      next: `Choose another address with --${flag}, or stop what uses this one.`,
      cause: error,
    });
  }
  // What fails for one connection (too many open files) must not end the process.
  server.on("error", () => {});
}
