import { describe, expect, it } from "vitest";
import type { ProvenIdentity } from "#wire/proof.ts";
import { grantFor } from "../testing/stand.ts";
import { refuseEngine, refuseGrant, refuseIdentity } from "./decide.ts";

const grant = grantFor({ host: "127.0.0.1", port: 1, database: "orders" });
const roleName = `AWSReservedSSO_${grant.grantID}_0123456789abcdef`;
const identity = (
  change: Partial<ProvenIdentity> = {},
  role: Partial<ProvenIdentity["role"]> = {},
): ProvenIdentity => ({
  accountID: grant.accountID,
  arn: "",
  roleID: grant.roleID,
  role: { accountID: grant.accountID, roleName, sessionName: grant.person.userName, ...role },
  ...change,
});

describe("refuseIdentity", () => {
  it("lets the grant's person in, through the grant's own role", () => {
    expect(refuseIdentity(identity(), grant)).toBeUndefined();
  });

  it.each([
    ["another account", identity({ accountID: "222222222222" }), "wrong-account"],
    ["an ARN of another account", identity({}, { accountID: "222222222222" }), "wrong-account"],
    ["a look-alike name with another role id", identity({ roleID: "AROALOOKALIKE" }), "wrong-role"],
    [
      "the right role id under another set's name",
      identity({}, { roleName: "AWSReservedSSO_other_0123456789abcdef" }),
      "wrong-role",
    ],
    ["the set's name without the reserved form", identity({}, { roleName: grant.grantID }), "wrong-role"],
    ["another person", identity({}, { sessionName: "eve" }), "wrong-person"],
    ["the person's name in other letters", identity({}, { sessionName: "ADA" }), "wrong-person"],
  ])("refuses %s", (_what, proven, code) => {
    expect(refuseIdentity(proven, grant)).toMatchObject({ code, retryable: false });
  });

  it("says that a retry may help only where it may", () => {
    const unavailable = refuseIdentity({ refused: "unavailable", detail: "STS is down" }, grant);
    const rejected = refuseIdentity({ refused: "rejected", detail: "bad signature" }, grant);

    expect(unavailable).toMatchObject({ code: "proof-unavailable", retryable: true });
    expect(rejected).toMatchObject({ code: "proof-refused", retryable: false });
  });
});

describe("refuseGrant", () => {
  it.each([
    ["live", { grant, remainingMs: 1 }, true, undefined],
    ["at its last instant", { grant, remainingMs: 0 }, true, "grant-ended"],
    ["ended", { grant, remainingMs: 1, end: { message: "revoked" } }, true, "grant-ended"],
    ["unknown", undefined, true, "grant-unknown"],
    ["live while the controller is lost", { grant, remainingMs: 1 }, false, "controller-lost"],
  ])("a grant that is %s", (_what, facts, isNear, code) => {
    expect(refuseGrant(facts, isNear)?.code).toBe(code);
  });
});

it("an engine of a later release is refused by name", () => {
  const mysql = { ...grant, database: { ...grant.database, engine: "MySQL" as const } };

  expect(refuseEngine(mysql, new Set(["PostgreSQL"]))?.message).toContain("MySQL");
});
