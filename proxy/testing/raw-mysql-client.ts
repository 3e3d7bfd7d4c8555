import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { encodeInt, encodePacket } from "../mysql/fields.ts";
import { type ServerGreeting, readGreeting } from "../mysql/greeting.ts";
import { encodeLogin, type ServerLogin } from "../mysql/login.ts";
import { trackedCapabilities } from "../mysql/protocol.ts";
import { role } from "./stand.ts";

/** A packet as a test sees it. */
export interface RawPacket {
  readonly sequence: number;
  readonly payload: Buffer;
}

/** A client that has every byte in the test's own hands. */
export class RawMySqlClient {
  readonly socket: Socket;
  readonly #packets: RawPacket[] = [];
  #pending: Buffer = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  closed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      this.#pending = Buffer.concat([this.#pending, chunk]);
      this.#read();
      this.#wake?.();
    });
    socket.on("close", () => {
      this.closed = true;
      this.#wake?.();
    });
  }

  /** Connects without saying anything. */
  static async dial(port: number): Promise<RawMySqlClient> {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    await once(socket, "connect");
    return new RawMySqlClient(socket);
  }

  /** Connects, logs in and reads the OK packet, which is returned with what went before it. */
  static async start(
    port: number,
    change: Partial<ServerLogin> = {},
  ): Promise<{ client: RawMySqlClient; greeting: ServerGreeting; answers: RawPacket[] }> {
    const client = await RawMySqlClient.dial(port);
    const greeting = readGreeting((await client.next()).payload);
    const scrambleBytes = greeting.plugin === "mysql_native_password" ? 20 : 32;
    const method = { plugin: greeting.plugin, authResponse: Buffer.alloc(scrambleBytes, 7) };
    client.send(1, loginPayload({ ...method, ...change }));
    const answers = [await client.next()];
    if (answers[0]?.payload[0] === 1) {
      answers.push(await client.next());
    }
    return { client, greeting, answers };
  }

  send(sequence: number, payload: Buffer): void {
    this.socket.write(encodePacket(sequence, payload));
  }

  /** A command: a new conversation. */
  command(code: number, argument: string | Buffer = ""): void {
    this.send(0, Buffer.concat([encodeInt(code, 1), Buffer.from(argument as string)]));
  }

  /** The next packet. Rejects when the server closes first. */
  async next(): Promise<RawPacket> {
    for (;;) {
      const packet = this.#packets.shift();
      if (packet !== undefined) {
        return packet;
      }
      if (this.closed) {
        throw new Error("closed");
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** All packets that are left once the server has closed. */
  async untilClosed(): Promise<RawPacket[]> {
    while (!this.closed) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return this.#packets.splice(0);
  }

  #read(): void {
    while (this.#pending.length >= 4) {
      const length = this.#pending.readUIntLE(0, 3);
      if (this.#pending.length < length + 4) {
        return;
      }
      const payload = Buffer.from(this.#pending.subarray(4, length + 4));
      this.#packets.push({ sequence: this.#pending[3] ?? 0, payload });
      this.#pending = this.#pending.subarray(length + 4);
    }
  }
}

/** A login of the test's role that can all that the proxy offers, with a scramble of any bytes. */
export function loginPayload(change: Partial<ServerLogin> = {}): Buffer {
  const login = encodeLogin({
    flags: trackedCapabilities.mysql,
    extended: 0,
    maxPacketBytes: 16 * 1024 * 1024,
    charset: 45,
    username: role.username,
    authResponse: Buffer.alloc(32, 7),
    databaseName: "orders",
    plugin: "caching_sha2_password",
    attributes: new Map([["program_name", "raw"]]),
    ...change,
  });
  // `encodeLogin` is the proxy's, which always asks for TLS.
  login.writeUInt32LE((login.readUInt32LE(0) & ~0x800) >>> 0, 0);
  return login;
}

/** What an error packet says, as `errno sqlState message`; the state is absent before flags are agreed on. */
export function errorText({ payload }: RawPacket): string {
  return payload[0] === 0xff ? `${payload.readUInt16LE(1)} ${payload.toString("utf8", 3)}` : `no error: ${payload[0]}`;
}
