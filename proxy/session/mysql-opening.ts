import type { Duplex } from "node:stream";
import type { Clock } from "#lib/clock.ts";
import { encodeAuthSwitch, encodeError, encodeMoreData, sha2Answer } from "../mysql/answers.ts";
import { offeredTo } from "../mysql/agree.ts";
import { encodeGreeting, nonceBytes, type ServerGreeting } from "../mysql/greeting.ts";
import { type ClientLogin, readLogin } from "../mysql/login.ts";
import { plugin } from "../mysql/scramble.ts";
import { type ErrorCode, errors, MySqlViolation } from "../mysql/violation.ts";
import type { ChunkReader } from "../streams.ts";
import { PacketChannel } from "../upstream/mysql-packets.ts";
import type { GrantedTarget } from "./opening.ts";

/**
 * From the greeting to a whole login. The server behind is waiting as well, and gives up after `connect_timeout`, which is 10 s by
 * default; this leaves it the time to be answered.
 */
export const clientLoginTimeoutMs = 8_000;
/** A SHA-256 scramble; a client without a password sends less and is not told that its scramble was right. */
const sha2ScrambleBytes = 32;

/** The client's leg of one session until both sides are logged in. */
export class MySqlDoor {
  readonly #channel: PacketChannel;
  readonly #reader: ChunkReader;
  readonly #randomBytes: (count: number) => Buffer;
  #isAgreed = false;
  #isFast = false;

  constructor(stream: Duplex, reader: ChunkReader, randomBytes: (count: number) => Buffer) {
    this.#reader = reader;
    this.#channel = new PacketChannel(stream, reader);
    this.#randomBytes = randomBytes;
  }

  /**
   * Greets the client as its server greeted the proxy, and reads its login. Any password will do: who may connect was proven before the
   * first byte of this protocol, and the server's own password is the proxy's. Throws `MySqlViolation` or `StreamEnded`.
   */
  async login(server: ServerGreeting, granted: GrantedTarget, clock: Clock, signal: AbortSignal): Promise<ClientLogin> {
    let isLate = false;
    const stopReading = (): void => void this.#reader.detach();
    const cancelTimer = clock.after(clientLoginTimeoutMs, () => {
      isLate = true;
      stopReading();
    });
    signal.addEventListener("abort", stopReading, { once: true });
    try {
      const nonce = printableNonce(this.#randomBytes);
      // Older clients know only what their servers use, so the method is the server's own where that is a common one.
      const method = server.plugin === plugin.sha2 ? plugin.sha2 : plugin.native;
      this.#channel.write(encodeGreeting(server, nonce, method));
      const login = readLogin(await this.#channel.read(), offeredTo(server));
      this.#isAgreed = true;
      checkLogin(login, granted);
      await this.#authenticate(login, method, nonce);
      this.#channel.release();
      return login;
    } catch (error) {
      throw isLate ? new MySqlViolation("the client did not log in in time", errors.handshake) : error;
    } finally {
      cancelTimer();
      signal.removeEventListener("abort", stopReading);
    }
  }

  /** What tells the client that it is logged in: the server's own OK packet. */
  welcome(ok: Buffer): Buffer {
    // "Your scramble is right" comes first, or the client would go on to send its password by RSA.
    const fast = this.#isFast ? this.#channel.encode(encodeMoreData(sha2Answer.fast)) : Buffer.alloc(0);
    return Buffer.concat([fast, this.#channel.encode(ok)]);
  }

  /** An error as the client's next packet. */
  refusal(message: string, code: ErrorCode): Buffer {
    return this.#channel.encode(encodeError(message, code, this.#isAgreed));
  }

  async #authenticate(login: ClientLogin, method: string, nonce: Buffer): Promise<void> {
    let used = login.plugin ?? plugin.native;
    let response = login.authResponse;
    if (used !== method && used !== plugin.clear && login.plugin !== undefined) {
      // Its answer was to another method's greeting. A method that goes on by rules of its own (a dialog, a ticket) is not asked for:
      // the common ones end with the client's answer.
      used = used === plugin.sha2 || used === plugin.native ? used : method;
      this.#channel.write(encodeAuthSwitch(used, nonce));
      response = await this.#channel.read();
    }
    this.#isFast = used === plugin.sha2 && response.length === sha2ScrambleBytes;
  }
}

/** Random bytes as servers draw them: no NUL, which ends the nonce on the wire, and nothing that is not ASCII. */
function printableNonce(randomBytes: (count: number) => Buffer): Buffer {
  return randomBytes(nonceBytes).map((byte) => ((byte & 0x7f) % 94) + 33) as Buffer;
}

/**
 * Connecting to something else than asked would mislead the person, so another user or database is an error that names the right ones.
 * No database means the granted one.
 */
function checkLogin(login: ClientLogin, { username, databaseName }: GrantedTarget): void {
  const user = login.username.toString("utf8");
  if (user !== username) {
    throw new MySqlViolation(
      `user "${user}" is not what this grant is for: connect as user "${username}" to database "${databaseName}"`,
      errors.accessDenied,
    );
  }
  const database = login.databaseName?.toString("utf8") ?? databaseName;
  if (database !== databaseName) {
    throw new MySqlViolation(
      `database "${database}" is not what this grant is for: connect to database "${databaseName}" as user "${username}"`,
      errors.databaseDenied,
    );
  }
}
