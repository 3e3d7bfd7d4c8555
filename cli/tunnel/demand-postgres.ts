import type { Socket } from "node:net";
import type { Secret } from "#lib/secret.ts";
import { ByteReader } from "./byte-reader.ts";
import { type LocalLogin, loginTimeoutMs, wrongPassword, wrongPasswordText } from "./local-login.ts";
import { fatalPostgres } from "./refuse-postgres.ts";
import { ScramServer } from "./scram-server.ts";

const sslRequest = 80_877_103;
const gssRequest = 80_877_104;
const cancelRequest = 80_877_102;
/** PostgreSQL caps a startup packet at 10,000 bytes. */
const startupBytesMax = 10_000;
/** SCRAM's messages are below 300 bytes; clients may add extensions. */
const answerBytesMax = 4_096;
/** As PostgreSQL has them (its source, src/include/common/scram-common.h). */
const saltBytes = 16;
const nonceBytes = 18;
const passwordMessage = 0x70;
const mechanism = "SCRAM-SHA-256";
/** Kinds of AuthenticationRequest (PostgreSQL documentation, "Message Formats"). */
const sasl = { begin: 10, go: 11, end: 12 } as const;
/** SQLSTATE invalid_password. */
const invalidPassword = "28P01";

/**
 * Demands the password of PostgreSQL clients with SCRAM-SHA-256: a program that listens in our place learns nothing by which it could sign in
 * here. The server's own AuthenticationOk then follows as if it had asked.
 */
export function demandPostgres(password: Secret, random: (bytes: number) => Uint8Array): LocalLogin {
  const nonce = (): string => Buffer.from(random(nonceBytes)).toString("base64");
  const scram = new ScramServer(password, Buffer.from(random(saltBytes)), nonce);
  return {
    speaks: "client",
    async demand(socket, clock) {
      const reader = new ByteReader(socket, clock, loginTimeoutMs);
      try {
        const opening = await readOpening(reader, socket);
        // A cancel proves itself by the session's key, and gets no answer.
        return opening.readInt32BE(4) === cancelRequest ? opening : await prove(reader, socket, scram, opening);
      } catch (error) {
        socket.destroySoon();
        throw error;
      } finally {
        reader.release();
      }
    },
  };
}

/** The startup packet, after wishes for encryption were declined. */
async function readOpening(reader: ByteReader, socket: Socket): Promise<Buffer> {
  for (;;) {
    const header = await reader.read(8);
    const [length, code] = [header.readInt32BE(0), header.readInt32BE(4)];
    if (length < 8 || length > startupBytesMax) {
      // TLS without asking, or no PostgreSQL client: neither would understand an answer.
      throw wrongPassword("it does not begin as a PostgreSQL client without TLS does");
    }
    const whole = Buffer.concat([header, await reader.read(length - 8)]);
    if (code !== sslRequest && code !== gssRequest) {
      return whole;
    }
    socket.write("N");
  }
}

async function prove(reader: ByteReader, socket: Socket, scram: ScramServer, startup: Buffer): Promise<Buffer> {
  const refuse = (why: string): Error => {
    socket.end(fatalPostgres(wrongPasswordText, invalidPassword));
    return wrongPassword(why);
  };
  socket.write(request(sasl.begin, `${mechanism}\0\0`));
  const first = await readAnswer(reader);
  const nameEnd = first?.indexOf(0) ?? -1;
  if (first === undefined || first.subarray(0, nameEnd).toString("latin1") !== mechanism) {
    throw refuse("it does not sign in by SCRAM-SHA-256");
  }
  // The length of the message stands between the mechanism's name and the message.
  const exchange = scram.begin(first.subarray(nameEnd + 5).toString("utf8"));
  if (exchange === undefined) {
    throw refuse("its first SCRAM message is not understood");
  }
  socket.write(request(sasl.go, exchange.serverFirst));
  const last = await readAnswer(reader);
  const proof = last === undefined ? undefined : exchange.finish(last.toString("utf8"));
  if (proof === undefined) {
    throw refuse("the password is another one");
  }
  socket.write(request(sasl.end, proof));
  return startup;
}

/** A password message's body; undefined for any other message. */
async function readAnswer(reader: ByteReader): Promise<Buffer | undefined> {
  const header = await reader.read(5);
  const bytes = header.readInt32BE(1) - 4;
  return header[0] === passwordMessage && bytes >= 0 && bytes <= answerBytesMax ? reader.read(bytes) : undefined;
}

function request(kind: number, text: string): Buffer {
  const body = Buffer.from(text, "utf8");
  const message = Buffer.alloc(9 + body.length);
  message.write("R");
  message.writeInt32BE(8 + body.length, 1);
  message.writeInt32BE(kind, 5);
  body.copy(message, 9);
  return message;
}
