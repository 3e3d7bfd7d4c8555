import { readFile } from "node:fs/promises";

/** One TCP socket of this machine, as Linux lists it. */
export interface SocketEntry {
  readonly localPort: number;
  readonly remotePort: number;
  /** `01` established, `0A` listening (Linux, include/net/tcp_states.h). */
  readonly state: string;
  readonly uid: number;
  readonly inode: number;
}

export const established = "01";
export const listening = "0A";

/** Addresses of the loopback host as Linux writes them: 127.0.0.1, and the same inside IPv6, which Java's sockets are. */
const loopback: ReadonlySet<string> = new Set(["0100007F", "0000000000000000FFFF00000100007F"]);
/** A listener on every address is in the way of one on loopback. */
const anyAddress: ReadonlySet<string> = new Set(["00000000", "00000000000000000000000000000000"]);

/**
 * The TCP sockets on loopback, from `/proc/net/tcp` and `tcp6`. Undefined where there are no such files: only Linux has them. Source: proc(5),
 * Documentation/networking/proc_net_tcp.rst.
 */
export async function loopbackSockets(folder = "/proc/net"): Promise<readonly SocketEntry[] | undefined> {
  const texts = await Promise.all(
    ["tcp", "tcp6"].map((name) => readFile(`${folder}/${name}`, "latin1").catch(() => "")),
  );
  if (texts.every((text) => text === "")) {
    return undefined;
  }
  return texts.flatMap((text) => text.split("\n").slice(1)).flatMap((line) => readEntry(line) ?? []);
}

/** One line; undefined for what is no socket on loopback. */
export function readEntry(line: string): SocketEntry | undefined {
  // sl, local_address, rem_address, st, tx_queue:rx_queue, tr:tm->when, retrnsmt, uid, timeout, inode
  const [, local = "", remote = "", state = "", , , , uid = "", , inode = ""] = line.trim().split(/\s+/);
  const [address = "", localPort = ""] = local.split(":");
  const [, remotePort = ""] = remote.split(":");
  if (!loopback.has(address) && !anyAddress.has(address)) {
    return undefined;
  }
  return {
    localPort: Number.parseInt(localPort, 16),
    remotePort: Number.parseInt(remotePort, 16),
    state,
    uid: Number(uid),
    inode: Number(inode),
  };
}
