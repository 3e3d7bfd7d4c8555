import { head, readError } from "../mysql/answers.ts";
import { agreedFlags } from "../mysql/agree.ts";
import { capability } from "../mysql/capabilities.ts";
import { encodeInt, encodePacket, FieldReader } from "../mysql/fields.ts";
import { MySqlViolation } from "../mysql/violation.ts";
import type { ConnectOptions } from "./connect.ts";
import { greetedByServer, logIn, type MySqlUpstream } from "./mysql-login.ts";
import { PacketChannel } from "./mysql-packets.ts";
import type { PasswordSource, UpstreamTarget } from "./target.ts";
import { withPassword } from "./with-password.ts";

/** Most rows that a question of the proxy's own is answered with. */
const rowsMax = 100;
/** utf8mb4_general_ci, which every server knows (MySQL: "Character Sets and Collations"). */
const charset = 45;
/** Packets that a side connection takes; its answers are far smaller. */
const maxPacketBytes = 1024 * 1024;
/** First byte of a question (MySQL protocol, COM_QUERY and COM_QUIT). */
const command = { quit: 0x01, query: 0x03 } as const;
/** First byte of a NULL in a row, and of the packet that ends rows, which is shorter than nine bytes. */
const rowHead = { null: 0xfb, end: 0xfe } as const;

/** The server answered a question of the proxy's own with an error. */
export class MySqlQueryError extends Error {
  readonly errno: number;

  constructor(errno: number, message: string) {
    super(`${message} (${errno})`);
    this.name = "MySqlQueryError";
    this.errno = errno;
  }
}

/**
 * Opens a connection of the proxy's own, as a role. It names no default schema: a role may be kept from every one of them, and must be
 * able to end its own sessions all the same. Same TLS policy, same password methods as any connection. Throws `UpstreamError`.
 */
export async function openSide(
  target: UpstreamTarget,
  login: { readonly username: string; readonly password: PasswordSource },
  options: ConnectOptions,
): Promise<MySqlUpstream> {
  return withPassword(login.password, options.signal, async (password) => {
    const greeted = await greetedByServer(target, options);
    const wanted = {
      flags: capability.protocol41 | capability.secureConnection | capability.transactions,
      extended: 0,
    };
    const agreed = agreedFlags(wanted, greeted.greeting).flags & ~capability.connectWithDatabase;
    const attributes = new Map([["program_name", "sallyport"]]);
    const { username } = login;
    return logIn(
      greeted,
      target,
      { flags: agreed, extended: 0, maxPacketBytes, charset, username, databaseName: undefined, attributes },
      { password, isToken: login.password.isToken === true },
      options,
    );
  });
}

/** Asks one question on an idle connection, and returns its rows as text. Throws `MySqlQueryError` on an SQL error. */
export async function ask(upstream: MySqlUpstream, sql: string): Promise<readonly (readonly (string | null)[])[]> {
  const channel = new PacketChannel(upstream.socket);
  try {
    channel.write(Buffer.concat([encodeInt(command.query, 1), Buffer.from(sql, "utf8")]));
    const answer = await channel.read();
    if (answer[0] === head.ok) {
      return [];
    }
    const columns = new FieldReader(checked(answer)).lengthEncoded();
    for (let count = 0; count <= columns; count += 1) {
      // The definitions of the columns, and the packet that ends them.
      await channel.read();
    }
    const rows: (string | null)[][] = [];
    for (;;) {
      const payload = checked(await channel.read());
      if (payload[0] === rowHead.end && payload.length < 9) {
        return rows;
      }
      if (rows.length === rowsMax) {
        throw new MySqlViolation("it answers with rows without end");
      }
      rows.push(readRow(payload, columns));
    }
  } finally {
    channel.detach();
  }
}

function checked(payload: Buffer): Buffer {
  if (payload[0] === head.error) {
    const { errno, message } = readError(payload);
    throw new MySqlQueryError(errno, message);
  }
  return payload;
}

function readRow(payload: Buffer, columns: number): (string | null)[] {
  const reader = new FieldReader(payload);
  const row: (string | null)[] = [];
  for (let column = 0; column < columns; column += 1) {
    row.push(reader.skips(rowHead.null) ? null : reader.lengthEncodedBytes().toString("utf8"));
  }
  return row;
}

/** Takes leave of the server on an idle connection. */
export function quit(upstream: Pick<MySqlUpstream, "socket">): void {
  upstream.socket.end(encodePacket(0, encodeInt(command.quit, 1)));
  upstream.socket.resume();
}
