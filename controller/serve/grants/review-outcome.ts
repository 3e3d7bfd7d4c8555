import { getCondition, type Grant, type GrantReview } from "#kinds/index.ts";
import type { ReviewOutcome } from "#wire/approval.ts";
import { isDecided } from "../../reconcile/grantreview/decide.ts";
import { HttpProblem } from "../route.ts";
import type { Services } from "../services.ts";
import { ChangedKeys } from "./grant-news.ts";

/**
 * How long the answer to a review waits for it to be counted, in milliseconds. Counting takes two or three calls to the Identity Store and a
 * record in the trail, well below a second together; nobody looks at a button for longer than five.
 */
export const reviewWaitMs = 5_000;

/** Reasons that are about the reviewer, whom no later review would help. */
const aboutReviewer: readonly string[] = ["NotAnApprover", "SelfApproval", "ReviewerNotFound", "ReviewerDisabled"];

/** Whether a review that does not count for that reason was forbidden, or came at the wrong moment. */
export function refusalStatus(reason: string): 403 | 409 {
  return aboutReviewer.includes(reason) ? 403 : 409;
}

/**
 * What becomes of a review that was just made, once it is known; what is known of it where that takes longer than `waitMs`, or the caller
 * goes away. Throws `HttpProblem` where the review does not count.
 */
export async function reviewOutcome(
  { source, grantNews, clock, reviewWaitMs: waitMs = reviewWaitMs }: ReviewServices,
  made: GrantReview,
  grant: Grant,
  gone: AbortSignal,
): Promise<ReviewOutcome> {
  const { namespace, name } = made.metadata;
  const now = (): GrantReview => source.get("GrantReview", namespace, name)?.object ?? made;
  const late = new AbortController();
  const over = AbortSignal.any([gone, late.signal]);
  const changed = new ChangedKeys();
  const { name: grantName } = grant.metadata;
  // Before the first look, so that nothing falls between.
  const stop = grantNews.listen((key) =>
    key.namespace === namespace && key.name === grantName ? changed.add(key) : undefined,
  );
  if (waitMs === 0) {
    late.abort();
  }
  const cancel = clock.after(waitMs, () => late.abort());
  try {
    while (!isDecided(now()) && !over.aborted) {
      await changed.some(over);
      changed.take();
    }
  } finally {
    cancel();
    stop();
  }
  return outcomeOf(now());
}

type ReviewServices = Pick<Services, "source" | "grantNews" | "clock" | "reviewWaitMs">;

/** Pure. Throws `HttpProblem` for a review that was refused. */
function outcomeOf(review: GrantReview): ReviewOutcome {
  const ready = getCondition(review.status?.conditions, "Ready");
  const { name } = review.metadata;
  if (ready === undefined || !isDecided(review)) {
    return { name, state: "Waiting", message: ready?.message ?? "" };
  }
  if (ready.reason === "Counted") {
    return { name, state: "Counted", message: ready.message };
  }
  throw new HttpProblem(refusalStatus(ready.reason), ready.reason, ready.message);
}
