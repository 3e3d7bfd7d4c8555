import { describe, expect, it } from "vitest";
import { ripeAt } from "./ripe.ts";
import { grantView } from "./testing.ts";

const fromTime = "2026-01-01T00:30:00.000Z";
const due = Date.parse(fromTime);
const extension = { count: 0, maxCount: 1, durationSeconds: 1_800, fromTime };
const ada = { userName: "Ada" };

describe("an extension that becomes possible by time alone", () => {
  it("is offered from that moment on, once, and not before", () => {
    const grant = grantView({ extension, actions: ["connect"] });

    expect(ripeAt(grant, ada, due - 1)).toBe(grant);
    expect(ripeAt(grant, ada, due).actions).toEqual(["connect", "extend"]);
    expect(ripeAt(ripeAt(grant, ada, due), ada, due).actions).toEqual(["connect", "extend"]);
  });

  it.each([
    ["of somebody else's grant", { userName: "grace" }],
    ["when all are used", { extension: { ...extension, count: 1 } }],
    ["of a grant that is over", { state: "Ended" as const }],
    ["where the controller names no time", { extension: { count: 0, maxCount: 1, durationSeconds: 1_800 } }],
  ])("is not offered %s", (_case, change) => {
    const grant = grantView({ extension, actions: [], ...change });

    expect(ripeAt(grant, ada, due)).toBe(grant);
  });
});
