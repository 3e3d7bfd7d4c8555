import { describe, expect, it } from "vitest";
import { belowBase, hrefOf, matchPath } from "./match.ts";

describe("a path", () => {
  it.each([
    ["/", "/", {}],
    ["/grants/:grantID", "/grants/gabc", { grantID: "gabc" }],
    ["/grants/:grantID", "/grants/gabc/", { grantID: "gabc" }],
    ["/request/:namespace/:database/:role", "/request/a/b%2Fc/d%20e", { namespace: "a", database: "b/c", role: "d e" }],
    ["/grants/:grantID", "/grants", undefined],
    ["/grants/:grantID", "/grants/a/b", undefined],
    ["/grants/:grantID", "/sessions/a", undefined],
    ["/grants/:grantID", "/grants/%E0%A4%A", undefined],
  ])("%s and %s", (pattern, path, expected) => {
    expect(matchPath(pattern, path)).toEqual(expected);
  });

  it("is the console's only below its base", () => {
    expect(belowBase("/console")).toBe("/");
    expect(belowBase("/console/grants/a")).toBe("/grants/a");
    expect(belowBase("/consoles/grants")).toBeUndefined();
    expect(belowBase("/v1/grants")).toBeUndefined();
    expect(hrefOf("/grants/a")).toBe("/console/grants/a");
  });
});
