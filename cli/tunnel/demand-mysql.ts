import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "#lib/clock.ts";
import type { Secret } from "#lib/secret.ts";
import { ByteReader } from "./byte-reader.ts";
import { type LocalLogin, loginTimeoutMs, wrongPassword, wrongPasswordText } from "./local-login.ts";
import { isProof, type MysqlChallenge, readAnswer, readChallenge, readSwitch } from "./mysql-login.ts";
import { errorMysql } from "./refuse-mysql.ts";
import type { SessionTrack } from "./session-track.ts";

/** Logins carry attributes of at most 64 KiB (performance_schema documentation). */
const packetBytesMax = 128 * 1024;
/** ER_ACCESS_DENIED_ERROR and its SQLSTATE (MySQL error reference). */
const accessDenied = { code: 1045, state: "28000" } as const;
const errByte = 0xff;

/**
 * Demands the password of MySQL clients. The proxy takes any password, so its own greeting and the client's answer to it are enough: they
 * pass through here, and only an answer that proves the local password goes on.
 */
export function demandMysql(password: Secret): LocalLogin {
  return {
    speaks: "server",
    async demand(socket, stream, track, clock) {
      const login = new Login(socket, stream, track, clock);
      try {
        await login.run(password);
      } catch (error) {
        socket.destroySoon();
        stream.destroy();
        throw error;
      } finally {
        login.release();
      }
    },
  };
}

interface Packet {
  readonly whole: Buffer;
  readonly body: Buffer;
  readonly sequence: number;
}

class Login {
  readonly #socket: Socket;
  readonly #stream: Duplex;
  readonly #track: SessionTrack;
  readonly #client: ByteReader;
  readonly #server: ByteReader;

  constructor(socket: Socket, stream: Duplex, track: SessionTrack, clock: Clock) {
    this.#socket = socket;
    this.#stream = stream;
    this.#track = track;
    this.#client = new ByteReader(socket, clock, loginTimeoutMs);
    this.#server = new ByteReader(stream, clock, loginTimeoutMs);
  }

  async run(password: Secret): Promise<void> {
    const greeting = await read(this.#server);
    this.#toClient(greeting);
    const challenge = readChallenge(greeting.body);
    if (challenge === undefined) {
      // An error in place of the greeting: the client has it now, and nothing follows.
      return;
    }
    const login = await read(this.#client);
    const answer = readAnswer(login.body, challenge);
    if (answer.wantsTLS) {
      throw this.#refuse(login, "it wants TLS, which this end of the tunnel has not");
    }
    if (isProof(answer.plugin, answer.response, challenge.nonce, password)) {
      this.#toServer(login);
      return;
    }
    this.#toServer(login);
    await this.#proveOtherwise(login, password);
  }

  /** A client whose plugin is not the server's is asked to use that; nothing else that the server says goes on before. */
  async #proveOtherwise(login: Packet, password: Secret): Promise<void> {
    const next = await read(this.#server);
    const challenge: MysqlChallenge | undefined = readSwitch(next.body);
    if (challenge === undefined) {
      if (next.body[0] === errByte) {
        this.#toClient(next);
        throw wrongPassword("the proxy refused it first");
      }
      throw this.#refuse(login, "the password is another one");
    }
    this.#toClient(next);
    const answer = await read(this.#client);
    if (!isProof(challenge.plugin, answer.body, challenge.nonce, password)) {
      throw this.#refuse(answer, "the password is another one");
    }
    this.#toServer(answer);
  }

  release(): void {
    this.#client.release();
    this.#server.release();
  }

  #toClient({ whole }: Packet): void {
    this.#track.fromServer(whole);
    this.#socket.write(whole);
  }

  #toServer({ whole }: Packet): void {
    this.#track.fromClient(whole);
    this.#stream.write(whole);
  }

  #refuse({ sequence }: Packet, why: string): Error {
    this.#socket.end(errorMysql(wrongPasswordText, (sequence + 1) & 0xff, accessDenied));
    return wrongPassword(why);
  }
}

async function read(reader: ByteReader): Promise<Packet> {
  const header = await reader.read(4);
  const bytes = header.readUIntLE(0, 3);
  if (bytes > packetBytesMax) {
    throw wrongPassword("its login is larger than any login is");
  }
  const body = await reader.read(bytes);
  return { whole: Buffer.concat([header, body]), body, sequence: header[3] ?? 0 };
}
