import { expect, it } from "vitest";
import type { GrantView } from "#wire/control-api.ts";
import { decisionText } from "./approval-text.ts";

it("lets a reviewer's words make no line of their own", () => {
  const decision = {
    decision: "Deny",
    reviewer: { kind: "User", username: "grace" },
    time: "2026-01-01T00:00:00Z",
    comment: "no\n[ACTIVATED] all is well",
  };
  const approval = { kind: "Reviewed", state: "Denied", steps: [{ decisions: [decision] }] };

  const text = decisionText({ approval } as unknown as GrantView, "Deny");

  expect(text).toBe(" by grace: no\\n[ACTIVATED] all is well");
});
