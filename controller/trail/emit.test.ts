import { describe, expect, it } from "vitest";
import type { GrantStatus } from "#kinds/index.ts";
import { approvedStatus, at, liveStatus, seen } from "../reconcile/grant/testing.ts";
import { aGrant } from "../reconcile/testing.ts";
import { transitionsOf } from "./emit.ts";

const told = (before: GrantStatus, after: GrantStatus, spec = {}) => {
  const { opening, other } = transitionsOf(aGrant({ spec }), before, after);
  return {
    opening: opening.map(({ event, actor }) => `${event} by ${actor.name}`),
    other: other.map(({ event, actor }) => `${event} by ${actor.name}`),
  };
};
const end = (reason: string) => ({ end: { reason, message: "", time: at(5) }, endTime: at(5) });
const extendRequest = { count: 1, by: "hedy", time: at(2) };
const denial = { step: "lead", reviewer: "grace", decision: "Deny", time: at(1) } as const;

describe("what the trail is told", () => {
  it.each([
    ["a request", {}, seen, {}, [], ["grant.requested by "]],
    ["a request of a person", {}, seen, { requester: { username: "hedy" } }, [], ["grant.requested by hedy"]],
    ["an approval", seen, approvedStatus(), {}, ["grant.approved by sallyport"], []],
    [
      "break-glass",
      seen,
      approvedStatus({ approvalKind: "BreakGlass" }),
      { requester: { username: "ada" } },
      ["grant.breakGlass by ada"],
      [],
    ],
    ["the beginning of access", approvedStatus(), liveStatus(), {}, ["grant.activated by sallyport"], []],
    [
      "an extension",
      liveStatus(),
      liveStatus({ extensionCount: 1, extendRequest }),
      {},
      ["grant.extended by hedy"],
      [],
    ],
    [
      "an extension in the text",
      liveStatus(),
      liveStatus({ extensionCount: 1 }),
      { extensionCount: 1 },
      ["grant.extended by sallyport"],
      [],
    ],
    ["a denial", seen, { ...seen, approvals: [denial], ...end("Denied") }, {}, [], ["grant.denied by grace"]],
    [
      "an end that somebody asked for",
      liveStatus(),
      liveStatus({ ...end("Revoked"), endRequest: { by: "grace", reason: "x", time: at(4) } }),
      {},
      [],
      ["grant.ended by grace"],
    ],
    ["the end of the window", liveStatus(), liveStatus(end("Expired")), {}, [], ["grant.ended by sallyport"]],
    [
      "that nothing is left",
      liveStatus(end("Expired")),
      liveStatus({ ...end("Expired"), deprovisionTime: at(6) }),
      {},
      [],
      ["grant.deprovisioned by sallyport"],
    ],
    ["nothing of what stays as it was", liveStatus(), liveStatus({ observedGeneration: 1 }), {}, [], []],
  ] as const)("%s", (_title, before, after, spec, opening, other) => {
    expect(told(before, after, spec)).toEqual({ opening, other });
  });

  it("names the Grant, its person, the Database and the role", () => {
    const { opening } = transitionsOf(aGrant(), seen, approvedStatus());

    expect(opening[0]).toMatchObject({
      grantID: seen.grantID,
      grant: "default/ada-orders",
      userName: "ada",
      database: "default/orders",
      role: "read_only",
      detail: { kind: "Automatic", workflow: "auto" },
    });
  });
});
