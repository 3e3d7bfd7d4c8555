import { describe, expect, it } from "vitest";
import { eventIdentity } from "./once.ts";
import type { NewTrailEvent } from "./trail.ts";

const actor = { kind: "User", name: "ada" } as const;
const same = (one: NewTrailEvent, other: NewTrailEvent): boolean => eventIdentity(one) === eventIdentity(other);

describe("eventIdentity", () => {
  it("knows a Grant's only request, end and cleaning up again, whatever is said of them", () => {
    for (const event of ["grant.requested", "grant.denied", "grant.ended", "grant.deprovisioned"] as const) {
      const told = { event, actor, grantID: "g1" };

      expect(same(told, { ...told, actor: { kind: "Controller", name: "c" }, detail: { at: "t" } })).toBe(true);
      expect(same(told, { ...told, grantID: "g2" })).toBe(false);
    }
  });

  it("takes what says something else for another event, and the order of what it says for nothing", () => {
    const extended = {
      event: "grant.extended",
      actor,
      grantID: "g1",
      detail: { count: "1", expiryTime: "t" },
    } as const;

    expect(same(extended, { ...extended, detail: { expiryTime: "t", count: "1" } })).toBe(true);
    expect(same(extended, { ...extended, detail: { expiryTime: "t", count: "2" } })).toBe(false);
    expect(same(extended, { ...extended, actor: { kind: "Pipeline", name: "ada" } })).toBe(false);
  });

  it("gives none to what may happen again just so, nor to what names no grant", () => {
    expect(eventIdentity({ event: "statements.viewed", actor, grantID: "g1" })).toBeUndefined();
    expect(eventIdentity({ event: "grant.ended", actor })).toBeUndefined();
  });
});
