import { errorMysql, lostError } from "./refuse-mysql.ts";
import { MessageScanner, type SessionTrack } from "./session-track.ts";

const lengthBytes = 3;
const headerBytes = 4;
/** CLIENT_SSL (MySQL protocol, "Capabilities Flags"). */
const tlsFlag = 0x0800;
/** COM_QUIT */
const quit = 0x01;
/** First bytes of packets that end an answer: OK, EOF (or the OK in its place), ERR. */
const okByte = 0x00;
const eofByte = 0xfe;
const errByte = 0xff;
/** A command's packets begin anew at 0, so the first of its answer has 1. */
const firstAnswer = 1;

/** Source: MySQL client/server protocol, "Packets" and "Generic Response Packets". MariaDB's is the same. */
export function trackMysql(): SessionTrack {
  return new MySqlTrack();
}

class MySqlTrack implements SessionTrack {
  #isOpaque = false;
  #isOver = false;
  #hasLogin = false;
  /** Sequence number that the client expects next. */
  #expected = 0;
  readonly #client = new MessageScanner({
    headerBytes,
    keptBytes: 4,
    bodyBytesOf: (header) => header.readUIntLE(0, lengthBytes),
    onMessage: (header, head) => this.#clientPacket(header[lengthBytes] ?? 0, head),
  });
  readonly #server = new MessageScanner({
    headerBytes,
    keptBytes: 1,
    bodyBytesOf: (header) => header.readUIntLE(0, lengthBytes),
    onMessage: (header, head) => this.#serverPacket(header[lengthBytes] ?? 0, head[0]),
  });

  fromClient(chunk: Buffer): void {
    if (!this.#isOpaque) {
      this.#client.push(chunk);
    }
  }

  fromServer(chunk: Buffer): void {
    if (!this.#isOpaque) {
      this.#server.push(chunk);
    }
  }

  lastWords(message: string): Buffer | undefined {
    const canBeTold = !this.#isOpaque && !this.#isOver && this.#server.atBoundary;
    // SQLSTATE belongs to an error once the login said which protocol is spoken.
    return canBeTold ? errorMysql(message, this.#expected, ...(this.#hasLogin ? [lostError] : [])) : undefined;
  }

  #clientPacket(sequence: number, head: Buffer): void {
    if (!this.#hasLogin) {
      this.#hasLogin = true;
      this.#isOpaque = head.length >= 2 && (head.readUInt16LE(0) & tlsFlag) !== 0;
    } else if (sequence === 0 && head[0] === quit) {
      this.#isOver = true;
    }
    this.#expected = (sequence + 1) & 0xff;
  }

  #serverPacket(sequence: number, first: number | undefined): void {
    const endsAnswer = first === okByte || first === eofByte || first === errByte;
    // After a whole answer the error will be read in place of the next one. A row may look like the end of an answer; then the client
    // finds packets out of order, which is an error as well.
    this.#expected = endsAnswer && this.#hasLogin ? firstAnswer : (sequence + 1) & 0xff;
    // An error before the end may have been the proxy's last words; another one would be nobody's.
    this.#isOver = first === errByte;
  }
}
