import { describe, expect, it } from "vitest";
import type { GrantView } from "#wire/control-api.ts";
import {
  adasDigest,
  adasGrant,
  adasGrantID,
  apiStand,
  codeOf,
  reviewedObjects,
  waitingGrant,
} from "#test/serve/api-stand.ts";

const path = `/v1/grants/${adasGrantID}`;
const approve = { decision: "Approve", digest: adasDigest };
const post = (body: unknown) => ({ method: "POST", body }) as const;
const waiting = () => apiStand([...reviewedObjects, waitingGrant()]);
const live = () => apiStand([...reviewedObjects, adasGrant()]);

describe("the review queue", () => {
  it("shows a grant to those whose word it waits for, with what they may do and what they decide on", async () => {
    const stand = waiting();
    const queue = async (who: string): Promise<GrantView[]> =>
      ((await (await stand.ask("/v1/reviews", who)).json()) as { items: GrantView[] }).items;

    expect((await queue("rob")).map(({ grantID, actions, digest }) => ({ grantID, actions, digest }))).toEqual([
      { grantID: adasGrantID, actions: ["approve", "deny"], digest: adasDigest },
    ]);
    expect([await queue("ada"), await queue("grace"), await queue("margaret"), await queue("root")]).toEqual([
      [],
      [],
      [],
      [],
    ]);
  });

  it("shows to a reviewer what they decided", async () => {
    const decided = (await (await live().ask("/v1/reviews?state=decided", "rob")).json()) as { items: GrantView[] };

    expect(decided.items[0]?.approval?.steps[0]?.decisions[0]).toMatchObject({
      decision: "Approve",
      reviewer: { kind: "User", username: "rob" },
    });
  });
});

describe("a review", () => {
  it("becomes a GrantReview in the reviewer's name, of what they saw", async () => {
    const stand = waiting();

    const answer = await stand.ask(`${path}/review`, "rob", post({ ...approve, comment: "go on" }));

    expect(answer.status).toBe(200);
    expect(stand.services.source.list("GrantReview").map(({ object }) => object.spec)).toEqual([
      {
        grantRef: { name: "ada-orders" },
        grantDigest: adasDigest,
        decision: "Approve",
        step: "lead",
        reviewer: { kind: "User", username: "rob" },
        comment: "go on",
      },
    ]);
  });

  it.each([
    ["of another digest", "rob", { ...approve, digest: `sha256:${"b".repeat(64)}` }, 409, "DigestMismatch"],
    ["for a step that is not there", "rob", { ...approve, step: "boss" }, 409, "UnknownStep"],
    ["of one's own grant", "ada", approve, 403, "NotAnApprover"],
    ["by the requester", "rita", approve, 403, "NotAnApprover"],
    ["by an auditor", "margaret", approve, 403, "NotAnApprover"],
    ["by an administrator", "root", approve, 403, "NotAnApprover"],
    ["by a stranger, to whom there is no such grant", "grace", approve, 404, "GrantNotFound"],
  ])("%s is refused, and nothing is made", async (_, who, body, status, code) => {
    const stand = waiting();

    const answer = await stand.ask(`${path}/review`, who, post(body));

    expect([answer.status, await codeOf(answer)]).toEqual([status, code]);
    expect(stand.services.source.list("GrantReview")).toEqual([]);
  });

  it("of what was approved already comes too late", async () => {
    const answer = await live().ask(`${path}/review`, "rob", post(approve));

    expect([answer.status, await codeOf(answer)]).toEqual([409, "TooLate"]);
  });

  it("after the deadline comes too late", async () => {
    const stand = waiting();

    stand.services.clock.advance(48 * 3_600_000);

    expect(await codeOf(await stand.ask(`${path}/review`, "rob", post(approve)))).toBe("TooLate");
  });
});

describe("an extension", () => {
  const extendRequest = (stand: ReturnType<typeof live>): unknown =>
    (stand.services.source.list("Grant")[0]?.object.status as { extendRequest?: unknown } | undefined)?.extendRequest;

  it.each(["ada", "rita"])("is asked for by %s once, however often they press", async (who) => {
    const stand = live();

    const first = await stand.ask(`${path}/extend`, who, post({ count: 0 }));
    await stand.ask(`${path}/extend`, who, post({ count: 0 }));

    expect(first.status).toBe(200);
    expect(extendRequest(stand)).toMatchObject({ count: 1, by: who });
  });

  it.each([
    ["rob", 403, "Forbidden"],
    ["margaret", 403, "Forbidden"],
    ["root", 403, "Forbidden"],
    ["grace", 404, "GrantNotFound"],
  ])("is not %s's to ask for", async (who, status, code) => {
    const stand = live();

    const answer = await stand.ask(`${path}/extend`, who, post({ count: 0 }));

    expect([answer.status, await codeOf(answer)]).toEqual([status, code]);
    expect(extendRequest(stand)).toBeUndefined();
  });

  it("before its time is refused at once, with that time, and nothing waits in its place", async () => {
    const workflow = adasGrant().status?.workflow;
    const extension = { maxCount: 2, durationSeconds: 1_800, afterPercent: 50 };
    const stand = apiStand([...reviewedObjects, adasGrant({ workflow: { ...workflow, extension } as never })]);
    const seen = (await (await stand.ask(path, "ada")).json()) as GrantView;

    const answer = await stand.ask(`${path}/extend`, "ada", post({ count: 0 }));

    const { error } = (await answer.json()) as { error: { code: string; message: string; next: string } };
    expect([answer.status, error.code]).toEqual([409, "TooEarly"]);
    expect(seen.extension?.fromTime).toBe("2026-01-01T00:30:00.000Z");
    expect(error.message).toContain("2026-01-01T00:30:00.000Z");
    expect(error.next).toContain("Ask again then");
    expect(extendRequest(stand)).toBeUndefined();
  });

  it("beyond what the workflow allows, or of a grant that is not live, is refused", async () => {
    const used = apiStand([...reviewedObjects, adasGrant({ extensionCount: 2 })]);

    expect(await codeOf(await used.ask(`${path}/extend`, "ada", post({ count: 2 })))).toBe("NotExtendable");
    expect(await codeOf(await waiting().ask(`${path}/extend`, "ada", post({ count: 0 })))).toBe("NotExtendable");
  });
});

describe("the end of a grant", () => {
  it.each([
    ["ada", 200],
    ["rita", 200],
    ["rob", 200],
    ["root", 200],
    ["margaret", 403],
    ["grace", 404],
  ])("asked for by %s: %i", async (who, status) => {
    const stand = live();

    expect((await stand.ask(`${path}/revoke`, who, post({ reason: "done" }))).status).toBe(status);
    const asked = stand.services.source.list("Grant")[0]?.object.status?.endRequest;
    expect(asked?.by).toBe(status === 200 ? who : undefined);
  });

  it("cancels a request that waits, and its reviewers are asked no more", async () => {
    const stand = waiting();
    const before = (await (await stand.ask(path, "ada")).json()) as GrantView;

    await stand.ask(`${path}/revoke`, "ada", post({ reason: "not needed" }));

    expect(before.actions).toContain("cancel");
    expect(await (await stand.ask("/v1/reviews", "rob")).json()).toEqual({ items: [] });
  });

  it("is not asked for by a reviewer who has not approved: they deny", async () => {
    expect((await waiting().ask(`${path}/revoke`, "rob", post({ reason: "no" }))).status).toBe(403);
  });
});
