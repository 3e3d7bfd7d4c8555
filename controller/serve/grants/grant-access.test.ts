import { adasGrant } from "#test/serve/api-stand.ts";
import { describe, expect, it } from "vitest";
import type { Caller } from "../route.ts";
import { mayEnd, maySee, relationOf } from "./grant-access.ts";

const caller = (userName: string, userID: string): Caller => ({
  userName,
  userID,
  displayName: userName,
  groups: [],
  auditor: false,
  administrator: false,
  auditGroup: false,
  session: "s",
});

describe("what a reviewer may see and end", () => {
  it("stays theirs under a new name", () => {
    const rob = caller("robert", "u-rob");

    const relation = relationOf(rob, adasGrant(), undefined, 0);

    expect(relation).toMatchObject({ decided: true, approved: true });
    expect(mayEnd(rob, relation)).toBe(true);
  });

  it("is nothing to whoever was given the reviewer's old name", () => {
    const newcomer = caller("rob", "u-newcomer");

    const relation = relationOf(newcomer, adasGrant(), undefined, 0);

    expect(relation).toMatchObject({ decided: false, approved: false });
    expect(maySee(newcomer, relation)).toBe(false);
  });

  it("is nothing where only a name is on record", () => {
    const [entry] = adasGrant().status?.approvals ?? [];
    const { reviewerID: _, ...named } = entry!;

    const relation = relationOf(caller("rob", "u-rob"), adasGrant({ approvals: [named] }), undefined, 0);

    expect(relation.decided).toBe(false);
  });
});
