import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fuzzSeed } from "#test/harness/fuzz-seed.ts";
import { afterEvent, type Grants, type GrantsEvent, newestFirst, noGrants } from "./grants.ts";
import { isDecidedBy, isOpen, isOwn, standingOf, waitsForReader } from "./standing.ts";
import { grantView } from "./testing.ts";

function after(...events: readonly GrantsEvent[]): Grants {
  return events.reduce(afterEvent, noGrants);
}

const one = grantView({ grantID: "g1" });
const two = grantView({ grantID: "g2" });

describe("grants as a stream tells of them", () => {
  it("are complete once all have been told, and change one by one", () => {
    const told = after({ kind: "opened" }, { kind: "lines", lines: [one, two] }, { kind: "told" });
    const changed = afterEvent(told, { kind: "lines", lines: [{ ...two, state: "Ended" }] });

    expect(told.isComplete).toBe(true);
    expect(changed.byID.get("g2")?.state).toBe("Ended");
    expect(told.byID.get("g2")?.state).toBe("Active");
  });

  it("stay on the page while the connection is lost; what went meanwhile goes when all has been told again", () => {
    const before = after({ kind: "opened" }, { kind: "lines", lines: [one, two] }, { kind: "told" });
    const opened = afterEvent(before, { kind: "opened" });
    const again = afterEvent(opened, { kind: "lines", lines: [two] });
    const told = afterEvent(again, { kind: "told" });

    expect([...again.byID.keys()]).toEqual(["g1", "g2"]);
    expect([...told.byID.keys()]).toEqual(["g2"]);
  });

  it("a heartbeat later takes nothing away", () => {
    const told = after({ kind: "opened" }, { kind: "lines", lines: [one] }, { kind: "told" });

    expect(afterEvent(told, { kind: "told" })).toBe(told);
  });

  it("one that may not be seen any more is gone", () => {
    const grants = after({ kind: "lines", lines: [one, two, { grantID: "g1", gone: true }] }, { kind: "told" });

    expect([...grants.byID.keys()]).toEqual(["g2"]);
  });

  it("are what the controller has, whatever was lost on the way, once all has been told", () => {
    const ids = fc.constantFrom("g1", "g2", "g3", "g4");
    const step = fc.record({ id: ids, gone: fc.boolean(), cut: fc.boolean() });

    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const truth = new Set<string>();
        let grants = noGrants;
        for (const { id, gone, cut } of steps) {
          truth[gone ? "delete" : "add"](id);
          // A cut connection tells nothing of this change; the next one tells everything.
          const lines = cut
            ? [...truth].map((grantID) => grantView({ grantID }))
            : [gone ? ({ grantID: id, gone: true } as const) : grantView({ grantID: id })];
          grants = cut ? afterEvent(grants, { kind: "opened" }) : grants;
          grants = afterEvent(afterEvent(grants, { kind: "lines", lines }), { kind: "told" });
        }
        const last: GrantsEvent[] = [
          { kind: "opened" },
          { kind: "lines", lines: [...truth].map((grantID) => grantView({ grantID })) },
          { kind: "told" },
        ];
        expect(new Set(last.reduce(afterEvent, grants).byID.keys())).toEqual(truth);
        expect(new Set(grants.byID.keys())).toEqual(steps.length === 0 ? new Set() : truth);
      }),
      { seed: fuzzSeed },
    );
  });

  it("are listed with the newest first", () => {
    const old = grantView({ grantID: "g1", requestTime: "2026-01-01T00:00:00Z" });
    const fresh = grantView({ grantID: "g2", requestTime: "2026-01-02T00:00:00Z" });

    expect(newestFirst([old, fresh])).toEqual([fresh, old]);
  });
});

describe("how a grant stands", () => {
  const step = {
    name: "a",
    approvers: [],
    requiredApprovals: 1,
    state: "Denied" as const,
    decisions: [
      {
        decision: "Deny" as const,
        reviewer: { kind: "User" as const, username: "Grace" },
        time: "2026-01-01T00:00:00Z",
      },
    ],
  };
  const denied = grantView({ state: "Ended", approval: { kind: "Reviewed", state: "Denied", steps: [step] } });

  it("a denied one says so", () => {
    expect(standingOf(denied)).toEqual({ tone: "bad", words: "Denied" });
    expect(standingOf(grantView({ state: "Active" }))).toEqual({ tone: "good", words: "Active" });
  });

  it("a person's decisions are found whatever the case of their name", () => {
    expect(isDecidedBy(denied, { userName: "grace" })).toBe(true);
    expect(isDecidedBy(denied, { userName: "ada" })).toBe(false);
  });

  it("it waits for the reader as far as they may decide", () => {
    expect(waitsForReader(grantView({ actions: ["approve", "deny"] }))).toBe(true);
    expect(waitsForReader(grantView({ actions: ["revoke"] }))).toBe(false);
    expect(waitsForReader(grantView({}))).toBe(false);
  });

  it("it is one's own also where one asked for somebody else", () => {
    expect(isOwn(grantView({ userName: "ADA" }), { userName: "ada" })).toBe(true);
    expect(isOwn(grantView({ userName: "ada", requester: "grace" }), { userName: "grace" })).toBe(true);
    expect(isOwn(grantView({ userName: "ada" }), { userName: "grace" })).toBe(false);
  });

  it("nothing comes any more of one that is ending", () => {
    expect(isOpen({ state: "Scheduled" })).toBe(true);
    expect(isOpen({ state: "Revoking" })).toBe(false);
  });
});
