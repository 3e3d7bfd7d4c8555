import { describe, expect, it } from "vitest";
import { grantIDOf } from "#lib/grant-id.ts";
import type { Condition, Grant } from "#kinds/index.ts";
import type { GrantView } from "#wire/control-api.ts";
import { aGrant } from "../../reconcile/testing.ts";
import { grantStates, grantViewOf, isOpen, stateOf } from "./grant-view.ts";

const condition = (type: string, status: "True" | "False", reason = "X"): Condition =>
  ({ type, status, reason, message: `${type} says`, lastTransitionTime: "2026-01-01T00:00:00Z" }) as Condition;

interface Row {
  readonly conditions?: Condition[];
  readonly status?: object;
  readonly metadata?: object;
  readonly spec?: object;
}
const grantOf = ({ conditions, status, metadata, spec }: Row): Grant =>
  aGrant({
    metadata: metadata as never,
    spec: spec as never,
    ...(conditions === undefined && status === undefined
      ? {}
      : { status: { conditions: conditions ?? [], ...status } as never }),
  });

const end = { end: { reason: "Revoked", message: "revoked by ada", time: "2026-01-01T00:30:00Z" } };
const live = [condition("Ready", "True", "Active"), condition("Active", "True")];

const table: readonly (readonly [GrantView["state"], string, Row])[] = [
  ["Pending", "nobody has looked at it", {}],
  ["Pending", "the reconciler has begun", { conditions: [condition("Ready", "False", "Progressing")] }],
  ["PendingApproval", "it waits for approval", { conditions: [condition("Ready", "False", "PendingApproval")] }],
  ["Scheduled", "its time has not come", { conditions: [condition("Ready", "False", "Scheduled")] }],
  ["Provisioning", "AWS is at work", { conditions: [condition("Ready", "False", "Provisioning")] }],
  ["Provisioning", "AWS fails for now", { conditions: [condition("Ready", "False", "ProviderError")] }],
  ["Active", "access is live", { conditions: live }],
  [
    "Active",
    "access is live and something else is being changed",
    {
      conditions: [condition("Ready", "False", "Provisioning"), condition("Active", "True")],
    },
  ],
  ["Revoking", "its end was asked for through the API", { conditions: live, status: { endRequest: {} } }],
  ["Revoking", "its end was asked for in its file", { conditions: live, spec: { revocation: { reason: "x" } } }],
  ["Revoking", "its file is gone", { conditions: live, metadata: { deletionTimestamp: "2026-01-01T00:30:00Z" } }],
  ["Revoking", "it has ended and access is still there", { conditions: live, status: end }],
  [
    "Revoking",
    "it has ended and AWS is not done",
    { conditions: [condition("Ready", "False", "Revoking")], status: end },
  ],
  [
    "Ended",
    "everything is gone",
    { conditions: [condition("Ready", "True"), condition("Active", "False")], status: end },
  ],
  ["Refused", "a person must act", { conditions: [condition("Stalled", "True"), condition("Ready", "False")] }],
];

describe("a grant's state", () => {
  it.each(table)("is %s when %s", (state, _, row) => {
    expect(stateOf(grantOf(row))).toBe(state);
  });

  it("has a row for each of its values", () => {
    expect(new Set(table.map(([state]) => state))).toEqual(new Set(grantStates));
  });

  it("is open until it is over, refused, or its end was asked for", () => {
    const open = table.filter(([, , row]) => isOpen(grantOf(row))).map(([state]) => state);

    expect(new Set(open)).toEqual(new Set(["Pending", "PendingApproval", "Scheduled", "Provisioning", "Active"]));
    const pending = { conditions: [condition("Ready", "False", "PendingApproval")] };
    expect(isOpen(grantOf({ ...pending, status: { endRequest: {} } }))).toBe(false);
  });
});

it("shows what people may know of a grant, and nothing that is not there yet", () => {
  const status = { grantID: "g1", conditions: live, requestTime: "2026-01-01T00:00:00Z", ...end };

  expect(grantViewOf(aGrant({ status: status as never }))).toEqual({
    grantID: "g1",
    durationSeconds: 3_600,
    notAfterTime: "2026-01-02T00:00:00.000Z",
    namespace: "default",
    name: "ada-orders",
    userName: "ada",
    database: "orders",
    role: "read_only",
    reason: "OPS-1",
    state: "Revoking",
    readyReason: "Active",
    message: "Ready says",
    requestTime: "2026-01-01T00:00:00Z",
    endReason: "revoked by ada",
  });
  expect(grantViewOf(aGrant())).toMatchObject({ readyReason: "Progressing", message: "" });
});

it("names a grant before its first look by the ID that it is going to have, so that whoever asked can follow it", () => {
  const uid = "6f1c1f5e-1111-4222-8333-444455556666";

  expect(grantViewOf(aGrant({ metadata: { uid } })).grantID).toBe(grantIDOf(uid));
});
