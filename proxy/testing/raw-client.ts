import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { encodeMessage } from "../postgres/encode.ts";
import { back, front, requestCode, version30 } from "../postgres/protocol.ts";

/** A message of the server as a test sees it. */
export interface Reply {
  /** Its type byte as a character. */
  readonly type: string;
  readonly body: Buffer;
}

const cstring = (text: string): Buffer => Buffer.from(`${text}\0`, "utf8");
const int16 = (value: number): Buffer => Buffer.from([(value >> 8) & 0xff, value & 0xff]);
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

/** Messages of a client, for tests that need every byte in their own hands. */
export const say = {
  query: (sql: string) => encodeMessage(front.query, cstring(sql)),
  parse: (name: string, sql: string, types: readonly number[] = []) =>
    encodeMessage(front.parse, Buffer.concat([cstring(name), cstring(sql), int16(types.length), ...types.map(int32)])),
  bind: (portal: string, statement: string, values: readonly (string | Buffer | null)[] = []) =>
    encodeMessage(
      front.bind,
      Buffer.concat([
        cstring(portal),
        cstring(statement),
        int16(values.length),
        ...values.map((value) => int16(Buffer.isBuffer(value) ? 1 : 0)),
        int16(values.length),
        ...values.flatMap((value) =>
          value === null ? [int32(-1)] : [int32(Buffer.byteLength(value)), Buffer.from(value as string)],
        ),
        int16(0),
      ]),
    ),
  execute: (portal = "", rowLimit = 0) =>
    encodeMessage(front.execute, Buffer.concat([cstring(portal), int32(rowLimit)])),
  describe: (kind: "S" | "P", name: string) =>
    encodeMessage(front.describe, Buffer.concat([Buffer.from(kind), cstring(name)])),
  close: (kind: "S" | "P", name: string) =>
    encodeMessage(front.close, Buffer.concat([Buffer.from(kind), cstring(name)])),
  sync: () => encodeMessage(front.sync),
  flush: () => encodeMessage(front.flush),
  copyData: (data: string) => encodeMessage(front.copyData, Buffer.from(data)),
  copyDone: () => encodeMessage(front.copyDone),
  copyFail: (why: string) => encodeMessage(front.copyFail, cstring(why)),
  terminate: () => encodeMessage(front.terminate),
  functionCall: (oid: number, values: readonly string[]) =>
    encodeMessage(
      front.functionCall,
      Buffer.concat([
        int32(oid),
        int16(1),
        int16(0),
        int16(values.length),
        ...values.flatMap((value) => [int32(Buffer.byteLength(value)), Buffer.from(value)]),
        int16(0),
      ]),
    ),
};

/** Startup packet. */
export function startup(parameters: Readonly<Record<string, string>>, version: number = version30): Buffer {
  const body = Buffer.concat([
    int32(version),
    ...Object.entries(parameters).flatMap(([name, value]) => [cstring(name), cstring(value)]),
    Buffer.from([0]),
  ]);
  return Buffer.concat([int32(body.length + 4), body]);
}

/** SSLRequest and GSSENCRequest. */
export const requests = {
  ssl: Buffer.concat([int32(8), int32(requestCode.ssl)]),
  gssenc: Buffer.concat([int32(8), int32(requestCode.gssenc)]),
};

/** A client that sends what it is told and keeps what it hears. */
export class RawClient {
  readonly socket: Socket;
  readonly replies: Reply[] = [];
  #pending: Buffer = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  #tagged = false;
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
  static async dial(port: number): Promise<RawClient> {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    await once(socket, "connect");
    return new RawClient(socket);
  }

  /** Speaks over a connection that is there, such as one inside TLS. */
  static over(socket: Socket): RawClient {
    return new RawClient(socket);
  }

  /** Connects and starts a session. Replies of the start are dropped. */
  static async start(port: number, parameters: Readonly<Record<string, string>>, version?: number): Promise<RawClient> {
    const client = await RawClient.dial(port);
    client.expectMessages();
    client.send(startup(parameters, version));
    await client.until("Z");
    return client;
  }

  /** From here on the server sends tagged messages. */
  expectMessages(): void {
    this.#tagged = true;
    this.#read();
  }

  send(...messages: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(messages));
  }

  /** One untagged byte, as the answer to SSLRequest. */
  async byte(): Promise<string> {
    while (this.#pending.length === 0 && !this.closed) {
      await this.#more();
    }
    const byte = this.#pending.toString("latin1", 0, 1);
    this.#pending = this.#pending.subarray(1);
    return byte;
  }

  /** Takes the replies up to and with the `count`-th of a type. Rejects when the server closes first. */
  async until(type: string, count = 1): Promise<Reply[]> {
    for (;;) {
      let seen = 0;
      const at = this.replies.findIndex((reply) => reply.type === type && (seen += 1) === count);
      if (at >= 0) {
        return this.replies.splice(0, at + 1);
      }
      if (this.closed) {
        const last = this.replies.at(-1)?.body.toString("utf8").replaceAll("\0", " ") ?? "";
        throw new Error(`closed before ${type}: ${shape(this.replies)} ${last}`);
      }
      await this.#more();
    }
  }

  /** All replies once the server has closed. */
  async untilClosed(): Promise<Reply[]> {
    while (!this.closed) {
      await this.#more();
    }
    return this.replies.splice(0);
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #read(): void {
    while (this.#tagged && this.#pending.length >= 5) {
      const length = this.#pending.readInt32BE(1);
      if (this.#pending.length < length + 1) {
        return;
      }
      this.replies.push({
        type: this.#pending.toString("latin1", 0, 1),
        body: Buffer.from(this.#pending.subarray(5, length + 1)),
      });
      this.#pending = this.#pending.subarray(length + 1);
    }
  }
}

/** Types of replies in one line, without those that may come at any time. */
export function shape(replies: readonly Reply[]): string {
  return replies
    .filter((reply) => !["N", "A", "S"].includes(reply.type) && reply.type.charCodeAt(0) !== back.parameterStatus)
    .map((reply) => reply.type)
    .join(" ");
}

/** One field of an ErrorResponse. */
export function errorField(reply: Reply | undefined, field: string): string | undefined {
  return reply?.body
    .toString("utf8")
    .split("\0")
    .find((part) => part.startsWith(field))
    ?.slice(1);
}
