import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChainWriter } from "./chain.ts";
import { decodeRecord, encodeRecord, hashRecord, RecordError } from "./codec.ts";
import { recordBytesMax, type AuditRecord, type RecordBody } from "./record.ts";
import { endBody, openBody, startBody } from "./testing/bodies.ts";
import { testChain, wholeSession } from "./testing/chains.ts";

const now = Date.UTC(2026, 0, 1);

/** Any legal next step of a task with at most three sessions. */
const step = fc.record({
  session: fc.constantFrom("a", "b", "c"),
  what: fc.constantFrom("toggle" as const, "start" as const, "end" as const, "gap" as const, "undo" as const),
});

function bodyFor(writer: ChainWriter, session: string, what: string, statement: number): RecordBody | undefined {
  if (what === "gap") {
    return { kind: "gap", count: 1, reason: "spool-full" };
  }
  if (!writer.hasSession(session)) {
    return what === "toggle" ? openBody(session) : undefined;
  }
  if (what === "toggle") {
    return { kind: "session.close", session, reason: "client-closed", backend: "gone" };
  }
  return what === "start" ? startBody(session, statement) : endBody(session, statement, { outcome: "error" });
}

/** Order of open sessions and of statements in flight is of no meaning. */
const comparable = (writer: ChainWriter) => {
  const { sessions, ...rest } = writer.snapshot();
  const sorted = sessions.map((session) => ({ ...session, inFlight: session.inFlight.toSorted((a, b) => a - b) }));
  return { ...rest, sessions: sorted.toSorted((a, b) => a.session.localeCompare(b.session)) };
};

describe("ChainWriter", () => {
  it("stands after undo where it stood before, and after replay where the writer stood, whatever was written", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const writer = new ChainWriter("default/main", "t1");
        const replayed = new ChainWriter("default/main", "t1");
        for (const [index, { session, what }] of steps.entries()) {
          const body = bodyFor(writer, session, what === "undo" ? "toggle" : what, index % 5);
          if (body === undefined) {
            continue;
          }
          const before = comparable(writer);
          const { record, bytes } = writer.link(body, now);
          if (what === "undo") {
            writer.undo();
            expect(comparable(writer)).toEqual(before);
          } else {
            replayed.replay(record, bytes);
          }
        }

        expect(comparable(replayed)).toEqual(comparable(writer));
        expect(comparable(new ChainWriter("default/main", "t1", writer.snapshot()))).toEqual(comparable(writer));
        writer.undoAll();
        expect(writer.snapshot()).toMatchObject({ seq: 0, chainSeq: 0, chainHead: null, sessions: [] });
      }),
    );
  });

  it("cannot take back what is settled", () => {
    const writer = new ChainWriter("default/main", "t1");
    writer.link(openBody("a"), now);

    writer.settle();

    expect(() => writer.undo()).toThrow("no linked record");
  });

  it("refuses to open a session twice or to write to one that is closed", () => {
    const chain = testChain();
    chain.write(...wholeSession("a", 0), openBody("b"));

    expect(() => chain.write(openBody("b"))).toThrow("already open");
    expect(() => chain.write(startBody("a", 1))).toThrow("not open");
  });
});

describe("encodeRecord and decodeRecord", () => {
  it("give the same record back, and the same bytes in whatever order its fields were set", () => {
    const [bytes] = testChain().write(openBody("a", { client: { applicationName: { base64: "/w==" } } }));
    const record = decodeRecord(bytes!);

    const reversed = Object.fromEntries(Object.entries(record).toReversed()) as unknown as AuditRecord;

    expect(encodeRecord(reversed).equals(bytes!)).toBe(true);
    expect(hashRecord(bytes!)).toMatch(/^[0-9a-f]{64}$/);
  });

  it("keep any text and the difference between null, empty and absent", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.constantFrom(null, "", undefined), (sql, value) => {
        const parameters = value === undefined ? [] : [{ type: 25, format: "text" as const, value }];
        const records = testChain().write(openBody("a"), startBody("a", 1, { sql, parameters }));

        expect(decodeRecord(records[1]!)).toMatchObject({ sql, parameters });
      }),
    );
  });

  it.each([
    ["another version", { v: 2 }],
    ["an unknown kind", { kind: "session.paused" }],
    ["no proxy", { proxy: undefined }],
    ["a number that is no count", { seq: 1.5 }],
    ["a time of another form", { time: "2026-01-01" }],
    ["a hash that is none", { prev: "abc" }],
    ["a missing field", { grantID: undefined }],
    ["an ill-typed field", { person: "ana" }],
  ])("refuse a record with %s", (_what, change) => {
    const [bytes] = testChain().write(openBody("a"));
    const changed = encodeRecord({ ...decodeRecord(bytes!), ...change } as unknown as AuditRecord);

    expect(() => decodeRecord(changed)).toThrow(RecordError);
  });

  it.each([[Buffer.from("null")], [Buffer.from("[]")], [Buffer.from("{")], [Buffer.from([0xff])], [Buffer.alloc(0)]])(
    "refuse %s",
    (bytes) => {
      expect(() => decodeRecord(bytes)).toThrow(RecordError);
    },
  );

  it("refuse a record larger than any that is written", () => {
    expect(() => decodeRecord(Buffer.alloc(recordBytesMax + 1, " "))).toThrow("larger");
  });
});
