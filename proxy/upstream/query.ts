import type { Duplex } from "node:stream";
import { serialize } from "pg-protocol";
import { readServerError, readTextRow } from "../postgres/backend.ts";
import { back } from "../postgres/protocol.ts";
import { MessageReader } from "./messages.ts";

/** Most rows that a query of the proxy's own returns. */
const rowsMax = 100;

/** Runs one query of the proxy's own on an idle connection, and returns its rows as text. Throws on an SQL error. */
export async function queryUpstream(
  upstream: { readonly socket: Duplex },
  sql: string,
): Promise<readonly (readonly (string | null)[])[]> {
  const reader = new MessageReader(upstream.socket);
  upstream.socket.write(serialize.query(sql));
  const rows: (string | null)[][] = [];
  let failure: Error | undefined;
  for (;;) {
    const { type, body } = await reader.next();
    if (type === back.dataRow && rows.length < rowsMax) {
      rows.push(readTextRow(body));
    } else if (type === back.error) {
      const error = readServerError(body);
      failure = new Error(`${error.message.toString("utf8")} (${error.sqlState})`);
    } else if (type === back.readyForQuery) {
      reader.detach();
      if (failure !== undefined) {
        throw failure;
      }
      return rows;
    }
  }
}

/**
 * Asks a server that gave no cancel key for its process ID, so that the session's work can be ended all the same. Undefined where it
 * does not say. Behind a pooler that shares connections between sessions it is the one of the moment, which may have changed by the
 * time it is needed; only a backend of the same role can be met then.
 */
export async function askBackendPid(socket: Duplex): Promise<number | undefined> {
  const [row] = await queryUpstream({ socket }, "select pg_catalog.pg_backend_pid()").catch(() => []);
  const pid = Number(row?.[0]);
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}
