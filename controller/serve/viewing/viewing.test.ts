import { describe, expect, it } from "vitest";
import { aDatabase } from "../../reconcile/testing.ts";
import { mayView, type Viewer, viewersOf } from "./viewing.ts";

const nothing = { own: false, decided: false };
const all: readonly Viewer[] = ["Principal", "Reviewer", "Auditor"];
const without = (viewer: Viewer): readonly Viewer[] => all.filter((other) => other !== viewer);

describe("who may see statements", () => {
  it("is everybody who is named where the Database says nothing, or is gone", () => {
    expect([viewersOf(aDatabase()), viewersOf(undefined)]).toEqual([all, all]);
  });

  it("is nobody where the Database names nobody", () => {
    const viewers = viewersOf(aDatabase({ spec: { audit: { viewers: [] } } }));

    expect(mayView({ auditGroup: true }, { own: true, decided: true }, viewers)).toBe(false);
  });

  it.each<[Viewer, boolean, object]>([
    ["Principal", false, { own: true }],
    ["Reviewer", false, { decided: true }],
    ["Auditor", true, {}],
  ])("is a %s exactly where the Database names them", (viewer, auditGroup, change) => {
    const may = (viewers: readonly Viewer[]) => mayView({ auditGroup }, { ...nothing, ...change }, viewers);

    expect([may(all), may([viewer]), may(without(viewer)), may([])]).toEqual([true, true, false, false]);
  });

  it("is not who is bound to the grant by nothing", () => {
    expect(mayView({ auditGroup: false }, nothing, all)).toBe(false);
  });
});
