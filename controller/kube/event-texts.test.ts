import { describe, expect, it } from "vitest";
import type { Condition, Grant } from "#kinds/index.ts";
import { aDatabase, aGrant } from "../reconcile/testing.ts";
import { eventsOfChange } from "./event-texts.ts";

function conditions(...list: readonly [type: string, status: Condition["status"], reason: string, message?: string][]) {
  return list.map(([type, status, reason, message = ""]) => ({
    type,
    status,
    reason,
    message,
    lastTransitionTime: "2026-01-01T00:00:00.000Z",
    observedGeneration: 1,
  }));
}

const secretWords = "my private reason";
const grant: Grant = aGrant({ spec: { reason: secretWords, revocation: { reason: secretWords } } });
const reasons = (before: Condition[] | undefined, after: Condition[]): string[] =>
  eventsOfChange(grant, before, after).map(({ reason }) => reason);

const pending = conditions(["Ready", "False", "PendingApproval"], ["Active", "False", "PendingApproval"]);
const provisioning = conditions(["Ready", "False", "Provisioning"], ["Active", "False", "Provisioning"]);
const live = conditions(["Ready", "True", "Active"], ["Active", "True", "Active"], ["Approved", "True", "Approved"]);
const drifted = conditions(
  ["Ready", "False", "DriftDetected", "the set is gone"],
  ["Active", "False", "DriftDetected"],
);
const failing = conditions(["Ready", "False", "ProviderError", "Throttled"], ["Active", "False", "Provisioning"]);
const revoking = conditions(["Ready", "False", "Revoking"], ["Active", "True", "Active"]);
const revoked = conditions(["Ready", "True", "Revoked", `The access was revoked: ${secretWords}`]);
const expired = conditions(["Ready", "True", "Expired"], ["Active", "False", "Expired"]);
const denied = conditions(["Ready", "False", "Denied", `bob: ${secretWords}`], ["Stalled", "True", "Denied"]);

describe("what is told of a Grant", () => {
  it.each([
    ["the wait for people", undefined, pending, ["ApprovalAwaited"]],
    ["an approval that leads to access", pending, live, ["GrantApproved", "GrantActivated"]],
    ["access that needs no approval, once", provisioning, live, ["GrantActivated"]],
    ["a failure of AWS", provisioning, failing, ["ProvisioningFailed"]],
    ["drift", live, drifted, ["DriftDetected"]],
    ["its repair, which is no new access", drifted, live, ["DriftRepaired"]],
    ["the beginning of the end", live, revoking, ["RevocationStarted"]],
    ["the end by a person", revoking, revoked, ["AccessRevoked"]],
    ["the end on time", revoking, expired, ["AccessExpired"]],
    ["a denial", pending, denied, ["GrantDenied"]],
    ["nothing, of what did not change", live, live, []],
    ["nothing, of the first visit", undefined, conditions(["Ready", "Unknown", "Progressing"]), []],
  ] as const)("is %s", (_, before, after, expected) => {
    expect(reasons(before as Condition[] | undefined, after as Condition[])).toEqual(expected);
  });

  it("repeats nobody's words: neither the reason of the request nor those of a revocation or a denial", () => {
    const all = [pending, live, drifted, revoking, revoked, expired, denied].flatMap((after) =>
      eventsOfChange(grant, provisioning, after),
    );

    expect(all.length).toBeGreaterThan(6);
    expect(JSON.stringify(all)).not.toContain(secretWords);
  });
});

it("tells of other kinds when they become ready, and why they are not", () => {
  const ready = conditions(["Ready", "True", "Ready"]);
  const missing = conditions(["Ready", "False", "ReferenceNotFound", "There is no Proxy main."]);

  expect(eventsOfChange(aDatabase(), undefined, ready)).toMatchObject([{ type: "Normal", reason: "DatabaseReady" }]);
  expect(eventsOfChange(aDatabase(), ready, missing)).toMatchObject([
    { type: "Warning", reason: "ReferenceNotFound", note: "There is no Proxy main." },
  ]);
  expect(eventsOfChange(aDatabase(), missing, missing)).toEqual([]);
});

it("warns of what was ready, or will not be by itself, and not of what is on its way", () => {
  const missing = conditions(["Ready", "False", "ReferenceNotFound", "There is no Proxy main."]);
  const stalled = [...missing, ...conditions(["Stalled", "True", "ReferenceNotFound"])];

  expect(eventsOfChange(aDatabase(), undefined, missing)).toMatchObject([{ type: "Normal" }]);
  expect(eventsOfChange(aDatabase(), undefined, stalled)).toMatchObject([{ type: "Warning" }]);
  expect(eventsOfChange(grant, undefined, stalled)).toMatchObject([{ type: "Warning" }]);
});
