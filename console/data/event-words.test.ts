import { describe, expect, it } from "vitest";
import { type TrailEvent, trailEvents } from "#wire/trail-event.ts";
import { momentOf, momentsOfView } from "./event-words.ts";
import { grantView } from "./testing.ts";

const time = "2026-11-23T12:00:00.000Z";

function words(event: Partial<TrailEvent>): string {
  return momentOf({ event: "grant.ended", time, actor: { kind: "User", name: "ada" }, ...event }, "1").words;
}

describe("an event in words", () => {
  it("every event has some", () => {
    for (const event of trailEvents) {
      expect(words({ event })).not.toBe(event);
    }
  });

  it("one that this console does not know yet is shown by its name", () => {
    expect(words({ event: "grant.renamed" as never })).toBe("grant.renamed");
  });

  it.each([
    [{ event: "review.counted", detail: { decision: "Approve", step: "owners" } }, "ada approved (owners)"],
    [{ event: "review.counted", detail: { decision: "Deny" } }, "ada denied"],
    [{ event: "review.refused", detail: { reason: "SelfApproval" } }, "ada's review did not count: SelfApproval"],
    [{ detail: { reason: "Revoked" } }, "ada ended it"],
    [{ detail: { reason: "Cancelled" } }, "ada withdrew it"],
    [{ actor: { kind: "Controller", name: "sallyport" }, detail: { reason: "Expired" } }, "Ended on time"],
    [{ actor: { kind: "Controller", name: "sallyport" }, detail: { reason: "PersonGone" } }, "Ended: PersonGone"],
    [{ event: "grant.requested", actor: { kind: "Pipeline", name: "" } }, "The pipeline asked for it"],
    [{ event: "grant.approved", detail: { kind: "Automatic" } }, "Approved by the policy"],
  ] as const)("%o", (event, expected) => {
    expect(words(event as Partial<TrailEvent>)).toBe(expected);
  });

  it("carries what people wrote, and nothing twice", () => {
    const actor = { kind: "User", name: "grace" } as const;

    const comment = momentOf({ event: "review.counted", time, actor, detail: { comment: "go", step: "a" } }, "1");
    const refused = momentOf(
      { event: "review.refused", time, actor, detail: { reason: "TooLate", comment: "no" } },
      "2",
    );

    expect(comment.detail).toBe("go");
    expect(refused.detail).toBe("no");
  });
});

describe("a grant's past from its own view", () => {
  it("is in the order of time", () => {
    const grant = grantView({
      requestTime: "2026-11-23T10:00:00Z",
      activationTime: "2026-11-23T10:02:00Z",
      endTime: "2026-11-23T11:00:00Z",
      endReason: "expired",
      approval: {
        kind: "Reviewed",
        state: "Approved",
        steps: [
          {
            name: "owners",
            approvers: [],
            requiredApprovals: 1,
            state: "Approved",
            decisions: [
              {
                decision: "Approve",
                reviewer: { kind: "User", username: "grace" },
                time: "2026-11-23T10:01:00Z",
                comment: "go",
              },
            ],
          },
        ],
      },
    });

    expect(momentsOfView(grant).map((moment) => moment.words)).toEqual([
      "ada asked for it",
      "grace approved",
      "Access began",
      "Ended: expired",
    ]);
  });
});
