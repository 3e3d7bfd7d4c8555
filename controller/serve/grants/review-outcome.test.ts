import { expect, it } from "vitest";
import type { ReviewedGrant } from "#wire/control-api.ts";
import { reviewConditions, type ReviewDecision } from "../../reconcile/grantreview/decide.ts";
import { writeObjectStatus } from "../../reconcile/status/write.ts";
import { adasDigest, adasGrantID, apiStand, codeOf, reviewedObjects, waitingGrant } from "#test/serve/api-stand.ts";
import { reviewWaitMs } from "./review-outcome.ts";

const path = `/v1/grants/${adasGrantID}/review`;
const approve = { method: "POST", body: { decision: "Approve", digest: adasDigest } } as const;

/** Rob has approved, and waits for his answer. */
async function asked(signal?: AbortSignal) {
  const stand = apiStand([...reviewedObjects, waitingGrant()], () => ({ reviewWaitMs }));
  const { source, clock, grantNews } = stand.services;
  const answer = stand.ask(path, "rob", signal === undefined ? approve : { ...approve, signal });
  await expect.poll(() => clock.pendingCount()).toBe(1);
  const look = async (decision: ReviewDecision): Promise<void> => {
    const [stored] = source.list("GrantReview");
    if (stored === undefined) {
      throw new Error("no review was made");
    }
    const patch = { observedGeneration: 0 };
    await writeObjectStatus(source, stored.object, { patch, conditions: reviewConditions(decision) }, clock);
    (grantNews as unknown as { changed(key: object): void }).changed({
      kind: "Grant",
      namespace: "default",
      name: stored.object.spec.grantRef.name,
    });
  };
  return { answer, look, clock };
}

const time = "2026-01-01T00:00:00.000Z";
const approval = { step: "lead", reviewer: "rob", decision: "Approve", digest: adasDigest, time, review: "r" } as const;
const counted: ReviewDecision = { kind: "counted", isNew: true, approval };

it("is told when the review was counted", async () => {
  const { answer, look, clock } = await asked();

  await look(counted);

  expect(await (await answer).json()).toMatchObject({
    grantID: adasGrantID,
    review: { state: "Counted", message: "rob approved the step lead." },
  });
  expect(clock.pendingCount()).toBe(0);
});

it.each([
  ["OtherIdentityStore", 409],
  ["ReviewerDisabled", 403],
] as const)("that counting refuses is refused: %s", async (reason, status) => {
  const { answer, look } = await asked();

  await look({ kind: "refused", reason, message: "It is so." });

  expect([(await answer).status, await codeOf(await answer)]).toEqual([status, reason]);
});

it("that nobody counts in time is told as it stands, with what it waits for", async () => {
  const { answer, look, clock } = await asked();
  await look({ kind: "waits", reason: "ReviewerNotVerified", message: "The policies are away." });

  clock.advance(reviewWaitMs - 1);
  const early = clock.pendingCount();
  clock.advance(1);

  const { review } = (await (await answer).json()) as ReviewedGrant;
  expect([early, review]).toEqual([1, { name: review.name, state: "Waiting", message: "The policies are away." }]);
});

it("waits for nobody who went away", async () => {
  const gone = new AbortController();
  const { answer, clock } = await asked(gone.signal);

  gone.abort();

  await answer.catch(() => {});
  await expect.poll(() => clock.pendingCount()).toBe(0);
});
