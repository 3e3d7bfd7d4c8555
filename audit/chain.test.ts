import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChainLinker, type ChainState } from "./chain.ts";
import { decodeRecord, encodeRecord, hashRecord, RecordError } from "./codec.ts";
import { recordBytesMax, type AuditRecord, type RecordBody } from "./record.ts";
import { endBody, openBody, startBody } from "./testing/bodies.ts";
import { testChain } from "./testing/chains.ts";

const now = Date.UTC(2026, 0, 1);

/** Any next step of a task with at most three sessions, legal or not. */
const body = fc
  .record({
    session: fc.constantFrom("a", "b", "c"),
    what: fc.constantFrom("open" as const, "close" as const, "start" as const, "end" as const, "gap" as const),
    statement: fc.nat(4),
  })
  .map(({ session, what, statement }): RecordBody => {
    switch (what) {
      case "open":
        return openBody(session);
      case "close":
        return { kind: "session.close", session, reason: "client-closed", backend: "gone" };
      case "start":
        return startBody(session, statement);
      case "end":
        return endBody(session, statement, { outcome: "error" });
      default:
        return { kind: "gap", count: 1, reason: "spool-full" };
    }
  });

describe("ChainLinker", () => {
  it("gives the same bytes again from any state that it was in, however it came there", () => {
    fc.assert(
      fc.property(fc.array(body, { maxLength: 60 }), fc.nat(), (bodies, cut) => {
        const linker = new ChainLinker("default/main", "t1");
        const at = cut % (bodies.length + 1);
        const first = bodies.slice(0, at).map((each, index) => linker.link(each, now, index + 1));
        const state = structuredClone(linker.state());

        const rest = bodies.slice(at).map((each, index) => linker.link(each, now + index, at + index + 1));

        const again = new ChainLinker("default/main", "t1", JSON.parse(JSON.stringify(state)) as ChainState);
        expect(bodies.slice(at).map((each, index) => again.link(each, now + index, at + index + 1))).toEqual(rest);
        expect(again.state()).toEqual(linker.state());
        expect(first.every((bytes, index) => decodeRecord(bytes).seq === index + 1)).toBe(true);
      }),
    );
  });

  it("knows after passing over bodies which sessions and statements are open, as after linking them", () => {
    fc.assert(
      fc.property(fc.array(body, { maxLength: 60 }), (bodies) => {
        const linked = new ChainLinker("default/main", "t1");
        const passed = new ChainLinker("default/main", "t1");
        for (const [index, each] of bodies.entries()) {
          linked.link(each, now, index + 1);
          passed.pass(each, index + 1);
        }

        const withoutHeads = (linker: ChainLinker) => linker.openSessions().map(({ head: _head, ...rest }) => rest);
        expect(withoutHeads(passed)).toEqual(withoutHeads(linked));
      }),
    );
  });

  it("links what belongs to no open session, so that verify can show it", () => {
    const linker = new ChainLinker("default/main", "t1");

    const record = decodeRecord(linker.link(startBody("lost", 7), now, 5));

    expect(record).toMatchObject({ seq: 5, session: "lost", sessionSeq: 1, prev: null });
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
