import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readBind, readParse, readQuery } from "./frontend.ts";
import { LargeMessageReader } from "./large-message.ts";
import { front, ProtocolViolation } from "./protocol.ts";
import type { StoredSQL, TextSink, TextStore } from "./stored-text.ts";

const nothing = { reference: undefined, isLost: false, redacted: 0, removed: [] } as const;

/** Keeps what passes, so that it can be compared. */
const store: TextStore = {
  sql(): TextSink<StoredSQL> {
    const parts: Buffer[] = [];
    return {
      push: (bytes) => void parts.push(Buffer.from(bytes)),
      end: () => ({
        ...nothing,
        text: "",
        skeleton: Buffer.concat(parts),
        unread: { isCut: false, isSuspicious: false, hasBackslash: false },
      }),
    };
  },
  value(): TextSink {
    const parts: Buffer[] = [];
    return {
      push: (bytes) => void parts.push(Buffer.from(bytes)),
      end: () => ({ ...nothing, text: { base64: Buffer.concat(parts).toString("base64") } }),
    };
  },
};

/** What a message says, or that it is refused. */
function inPieces(type: number, body: Buffer, cuts: readonly number[]): unknown {
  return orRefused(() => {
    const reader = new LargeMessageReader(type, body.length, store);
    let from = 0;
    for (const cut of [...cuts].sort((a, b) => a - b)) {
      expect(reader.push(body.subarray(from, cut))).toBe(
        cut === body.length && body.length > 0 ? expect.anything() : undefined,
      );
      from = cut;
    }
    const message = reader.push(body.subarray(from));
    if (message === undefined) {
      return "incomplete";
    }
    if (message.type !== front.bind) {
      return message.type === front.query
        ? message.sql.skeleton
        : { name: message.name, sql: message.sql.skeleton, types: message.types };
    }
    const { portal, statement, parameters } = message;
    return {
      portal,
      statement,
      parameters: parameters.map(({ binary, stored }) => ({
        binary,
        value: stored === undefined ? null : Object(stored.text).base64,
      })),
    };
  });
}

function atOnce(type: number, body: Buffer): unknown {
  return orRefused(() => {
    if (type !== front.bind) {
      return type === front.query ? readQuery(body) : readParse(body);
    }
    const { portal, statement, parameters } = readBind(body);
    const values = parameters.map(({ binary, bytes }) => ({ binary, value: bytes?.toString("base64") ?? null }));
    return { portal, statement, parameters: values };
  });
}

function orRefused(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolViolation);
    return "refused";
  }
}

const bodies = {
  query: [front.query, Buffer.from("select 'a', 1\0")],
  parse: [front.parse, Buffer.from("name\0select $1, $2\0\0\x02\0\0\0\x17\0\0\0\x19", "latin1")],
  bind: [
    front.bind,
    Buffer.from("p\0s\0\0\x03\0\0\0\x01\0\0\0\x03\0\0\0\x01a\xff\xff\xff\xff\0\0\0\0\0\x01\0\x01", "latin1"),
  ],
} as const;

describe.each(Object.entries(bodies))("a large %s", (_name, [type, body]) => {
  it("says the same in pieces as at once, whatever the cut", () => {
    const expected = atOnce(type, body);

    expect(expected).not.toBe("refused");
    for (let cut = 0; cut < body.length; cut += 1) {
      expect(inPieces(type, body, [cut])).toEqual(expected);
    }
  });

  it("is refused in pieces where it is refused at once", () => {
    const change = fc.tuple(fc.nat(body.length - 1), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { maxLength: 3 }), fc.nat(3), fc.nat(body.length - 1), (changes, shorter, place) => {
        const changed = Buffer.from(body.subarray(0, body.length - shorter));
        for (const [at, byte] of changes) {
          changed[Math.min(at, changed.length - 1)] = byte;
        }
        const cut = Math.min(place, changed.length - 1);

        expect(inPieces(type, changed, [cut])).toEqual(atOnce(type, changed));
      }),
      { numRuns: 2_000 },
    );
  });
});
