import type { Socket } from "node:net";
import { established, loopbackSockets } from "./socket-table.ts";

/** The user whom every file is open to: keeping root out would keep nobody out. */
const rootID = 0;

/** Why a local connection may not be used; undefined where it may. */
export type PeerCheck = (socket: Socket) => Promise<string | undefined>;

/**
 * Refuses connections of other users of this machine: the port is open to all of them, and whoever connects acts as the grant's person.
 * Node knows nothing of a peer on TCP, but Linux lists the user of each socket. Elsewhere everybody may connect; `--local-password` is for
 * there.
 */
export function sameUserOnly(
  whoAmI: () => number | undefined = () => process.getuid?.(),
  sockets: typeof loopbackSockets = loopbackSockets,
): PeerCheck {
  return async ({ remotePort, localPort }) => {
    const ownID = whoAmI();
    const entries = ownID === undefined ? undefined : await sockets();
    if (entries === undefined) {
      return undefined;
    }
    // Only while it is established does the list name the user; a socket that nobody holds any more is listed as root's.
    const peer = entries.find((entry) => {
      return entry.localPort === remotePort && entry.remotePort === localPort && entry.state === established;
    });
    if (peer === undefined) {
      return "the connection was gone before it could be seen whose it is";
    }
    return [ownID, rootID].includes(peer.uid)
      ? undefined
      : `this port belongs to another user of this computer (user ID ${ownID}, not ${peer.uid}): start sallyport rds proxy yourself`;
  };
}
