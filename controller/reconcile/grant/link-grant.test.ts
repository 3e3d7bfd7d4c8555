import { expect, it } from "vitest";
import { aDatabase, aGrant } from "../testing.ts";
import { endedGrantShownMs, linkGrantOf } from "./link-grant.ts";
import { ada, approvedStatus, at, grantID, liveStatus, noon } from "./testing.ts";

const link = (changes: Parameters<typeof aGrant>[0], now = noon) => linkGrantOf(aGrant(changes), aDatabase(), now);

it("tells a proxy all it needs of a live grant, and what is left of its window", () => {
  expect(link({ status: liveStatus() }, noon + 600_000)).toEqual({
    grantID,
    epoch: 0,
    state: "live",
    remainingMs: 3_000_000,
    person: { userID: ada.userID, userName: "ada" },
    accountID: "111122223333",
    roleID: "AROAEXAMPLEEXAMPLE123",
    database: {
      key: "default/orders",
      engine: "PostgreSQL",
      host: "orders.example.com",
      port: 5432,
      databaseName: "orders",
      tlsMode: "VerifyFull",
    },
    role: {
      name: "read_only",
      username: "read_only",
      secretARN: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:orders-prod/read_only-AbCdEf",
    },
    audit: { durability: "Written", onFull: "Deny", parameters: "Record" },
  });
});

it("tells it nothing of a grant that never was live", () => {
  expect(link({ status: approvedStatus() })).toBeUndefined();
  expect(link({})).toBeUndefined();
});

it.each([
  ["its window is over", { status: liveStatus() }, noon + 3_600_000, "expired"],
  ["it is revoked in spec", { spec: { revocation: { reason: "x" } }, status: liveStatus() }, noon, "revoked"],
  ["it is deleted", { metadata: { deletionTimestamp: at(0) }, status: liveStatus() }, noon, "revoked"],
  [
    "a revocation was asked for",
    { status: liveStatus({ endRequest: { reason: "x", by: "grace", time: at(0) } }) },
    noon,
    "revoked",
  ],
])("is ended as soon as %s, before anything was done about it", (_title, changes, now, end) => {
  expect(link(changes, now)).toMatchObject({ state: "ended", remainingMs: 0, end });
});

it("rises in epoch with each extension, and shrinks without one", () => {
  expect(link({ status: liveStatus({ extensionCount: 2 }) })?.epoch).toBe(2);
  expect(link({ spec: { durationSeconds: 60 }, status: liveStatus() })).toMatchObject({
    epoch: 0,
    remainingMs: 60_000,
  });
});

it("is forgotten a day after its end", () => {
  const status = liveStatus({ end: { reason: "Revoked", message: "", time: at(0) }, endTime: at(0) });

  expect(link({ status }, noon + endedGrantShownMs)?.state).toBe("ended");
  expect(link({ status }, noon + endedGrantShownMs + 1)).toBeUndefined();
});

it("carries what the Database says of shared users, and nothing where it says nothing", () => {
  const grant = aGrant({ status: liveStatus() });
  const withPolicy = (sharedUserHazards: NonNullable<ReturnType<typeof aDatabase>["spec"]["sharedUserHazards"]>) =>
    linkGrantOf(grant, { ...aDatabase(), spec: { ...aDatabase().spec, sharedUserHazards } }, noon)?.hazards;

  expect(linkGrantOf(grant, aDatabase(), noon)?.hazards).toBeUndefined();
  expect(withPolicy({ policy: "Deny" })).toEqual({ policy: "Deny", sessionReads: "Deny", expectedSettings: [] });
  expect(withPolicy({ policy: "Deny", sessionReads: "Flag", expectedSettings: ["work_mem"] })).toEqual({
    policy: "Deny",
    sessionReads: "Flag",
    expectedSettings: ["work_mem"],
  });
});
