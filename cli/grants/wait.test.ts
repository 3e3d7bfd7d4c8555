import { describe, expect, it } from "vitest";
import type { GrantView } from "#wire/control-api.ts";
import { waitVerdict } from "./wait.ts";

const grant = (state: GrantView["state"], approval?: "Waiting" | "Approved" | "Denied"): GrantView =>
  ({
    state,
    ...(approval === undefined ? {} : { approval: { kind: "Reviewed", state: approval, steps: [] } }),
  }) as unknown as GrantView;

describe("waiting", () => {
  it.each<[GrantView["state"], "Waiting" | "Approved" | "Denied" | undefined, string, string, string]>([
    ["Pending", undefined, "waits", "waits", "waits"],
    ["PendingApproval", "Waiting", "waits", "waits", "waits"],
    ["PendingApproval", "Denied", "never", "waits", "waits"],
    ["Scheduled", "Approved", "met", "waits", "waits"],
    ["Provisioning", undefined, "met", "waits", "waits"],
    ["Active", undefined, "met", "met", "waits"],
    ["Revoking", "Approved", "met", "never", "waits"],
    ["Revoking", "Waiting", "never", "never", "waits"],
    ["Ended", "Approved", "met", "never", "met"],
    ["Refused", "Denied", "never", "never", "met"],
  ])("with %s, %s: approved %s, active %s, ended %s", (state, approval, approved, active, over) => {
    const view = grant(state, approval);

    expect([waitVerdict(view, "approved"), waitVerdict(view, "active"), waitVerdict(view, "ended")]).toEqual([
      approved,
      active,
      over,
    ]);
  });
});
