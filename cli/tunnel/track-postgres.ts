import { fatalPostgres } from "./refuse-postgres.ts";
import { MessageScanner, type SessionTrack } from "./session-track.ts";

const sslRequest = 80_877_103;
const gssRequest = 80_877_104;
const cancelRequest = 80_877_102;
/** First byte of a TLS handshake (RFC 8446 5.1): direct TLS, PostgreSQL 17. */
const tlsByte = 0x16;
const typeBytes = 1;
const lengthBytes = 4;
/** The severity stands at the beginning of an error: `SFATAL\0VFATAL\0`, the first of them translated. */
const severityBytes = 64;

/** Source: PostgreSQL documentation, "Message Flow" and "Message Formats". */
export function trackPostgres(): SessionTrack {
  return new PostgresTrack();
}

class PostgresTrack implements SessionTrack {
  /** `opaque`: what follows cannot be read here (TLS), or is no session (a cancel request). */
  #phase: "startup" | "session" | "opaque" = "startup";
  #opening = Buffer.alloc(0);
  /** Answers of one byte, to requests for encryption, that have not come. */
  #awaited = 0;
  #isOver = false;
  readonly #client = new MessageScanner({
    headerBytes: typeBytes + lengthBytes,
    keptBytes: 0,
    bodyBytesOf: (header) => header.readInt32BE(typeBytes) - lengthBytes,
    onMessage: (header) => {
      // Terminate
      this.#isOver ||= header[0] === 0x58;
    },
  });
  readonly #server = new MessageScanner({
    headerBytes: typeBytes + lengthBytes,
    keptBytes: severityBytes,
    bodyBytesOf: (header) => header.readInt32BE(typeBytes) - lengthBytes,
    onMessage: (header, head) => {
      // ErrorResponse that ends the session
      this.#isOver ||= header[0] === 0x45 && /V(?:FATAL|PANIC)\0/.test(head.toString("latin1"));
    },
  });

  fromClient(chunk: Buffer): void {
    if (this.#phase === "session") {
      this.#client.push(chunk);
    } else if (this.#phase === "startup") {
      this.#opening = Buffer.concat([this.#opening, chunk]);
      this.#readOpening();
    }
  }

  fromServer(chunk: Buffer): void {
    let rest = chunk;
    while (this.#awaited > 0 && rest.length > 0 && this.#phase !== "opaque") {
      this.#awaited -= 1;
      if (rest[0] !== 0x4e) {
        this.#becomeOpaque();
      }
      rest = rest.subarray(1);
    }
    if (this.#phase !== "opaque") {
      this.#server.push(rest);
    }
  }

  lastWords(message: string): Buffer | undefined {
    const canBeTold = this.#phase === "session" && this.#awaited === 0 && this.#server.atBoundary;
    return canBeTold && !this.#isOver ? fatalPostgres(message) : undefined;
  }

  #readOpening(): void {
    while (this.#phase === "startup" && this.#opening.length > 0) {
      if (this.#opening[0] === tlsByte) {
        this.#becomeOpaque();
        return;
      }
      if (this.#opening.length < 8 || this.#opening.length < this.#opening.readInt32BE(0)) {
        return;
      }
      const code = this.#opening.readInt32BE(4);
      const rest = this.#opening.subarray(Math.max(8, this.#opening.readInt32BE(0)));
      this.#opening = rest;
      if (code === sslRequest || code === gssRequest) {
        this.#awaited += 1;
      } else if (code === cancelRequest) {
        this.#becomeOpaque();
      } else {
        this.#phase = "session";
        this.#opening = Buffer.alloc(0);
        this.#client.push(rest);
      }
    }
  }

  #becomeOpaque(): void {
    this.#phase = "opaque";
    this.#opening = Buffer.alloc(0);
  }
}
