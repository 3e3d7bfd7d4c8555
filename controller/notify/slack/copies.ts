import type { Grant } from "#kinds/index.ts";
import type { GrantView } from "#wire/control-api.ts";
import type { GrantPlace, ReviewerCopy, SlackLink } from "./book.ts";
import { appCodes, SlackRefusal } from "./client.ts";
import type { SlackDesk } from "./desk.ts";
import { askedMessage, type Message, settledMessage, shownIn } from "./message.ts";
import { reviewersOf } from "./people.ts";

/** Reviewers who are asked alone; a request that more may decide is read in the channel by the others. */
export const reviewersMax = 50;

/**
 * Asks everybody for whom the grant waits and who has linked an account, once for what is to be decided. Not within `exclusive`: the Identity
 * Store is asked for many people, and nothing else waits for that.
 */
export async function askReviewers(desk: SlackDesk, grant: Grant, signal: AbortSignal): Promise<void> {
  const { grantID, digest, state } = desk.viewOf(grant);
  const known = await desk.book.placeOf(grantID);
  if (state !== "PendingApproval" || digest === undefined || known === undefined || known.asked === digest) {
    return;
  }
  for (const link of (await reviewersOf(desk, grant)).slice(0, reviewersMax)) {
    await desk.exclusive(() => ask(desk, grant, link, signal));
  }
  await desk.exclusive(async () => {
    const place = await desk.book.placeOf(grantID);
    await (place === undefined ? undefined : desk.note(grantID, { ...place, asked: digest }));
  });
}

async function ask(desk: SlackDesk, { metadata }: Grant, link: SlackLink, signal: AbortSignal): Promise<void> {
  const now = desk.options.source.get("Grant", metadata.namespace, metadata.name)?.object;
  const view = now === undefined ? undefined : desk.viewOf(now);
  const place = view === undefined ? undefined : await desk.book.placeOf(view.grantID);
  const { userID, userName, slackUserID } = link;
  const { copies = [] } = place ?? {};
  if (view === undefined || place === undefined || copies.some((copy) => copy.userID === userID) || !waitsFor(view)) {
    return;
  }
  const message = askedMessage(view, await desk.context());
  const { grantID } = view;
  try {
    const spot = { channel: slackUserID };
    const posted = await desk.postOnce(grantID, place, `ask ${userID}`, spot, message, signal);
    const copy: ReviewerCopy = { userID, userName, slackUserID, ...posted, shown: shownIn(message) };
    await desk.note(grantID, { ...place, copies: [...copies, copy] });
  } catch (error) {
    forgive(desk, error, userName);
  }
}

/** Brings the messages to reviewers up to date; one whose reader has nothing left to decide is changed once more, and then left. */
export async function keepCopies(
  desk: SlackDesk,
  view: GrantView,
  before: GrantPlace,
  signal: AbortSignal,
): Promise<GrantPlace> {
  let place = before;
  for (const copy of before.copies ?? []) {
    const isOpen = waitsFor(view) && !hasDecided(view, copy.userName);
    const context = await desk.context();
    const message = isOpen ? askedMessage(view, context) : settledMessage(view, context);
    const shown = shownIn(message);
    if (shown === copy.shown) {
      continue;
    }
    // An account that is linked to them no more is told nothing more; its buttons decide nothing.
    const link = await desk.book.linkOfPerson(copy.userID);
    const isThere = link?.slackUserID === copy.slackUserID && (await change(desk, copy, message, signal));
    const others = (place.copies ?? []).filter(({ userID }) => userID !== copy.userID);
    place = await desk.note(view.grantID, {
      ...place,
      copies: isOpen && isThere ? [...others, { ...copy, shown }] : others,
    });
  }
  return place;
}

async function change(desk: SlackDesk, copy: ReviewerCopy, message: Message, signal: AbortSignal): Promise<boolean> {
  try {
    return await desk.change(copy.channel, copy.ts, message, signal);
  } catch (error) {
    forgive(desk, error, copy.userName);
    return false;
  }
}

/** A person who cannot be written to holds up nobody. Throws what is not about them. */
export function forgive(desk: SlackDesk, error: unknown, userName: string): void {
  if (!(error instanceof SlackRefusal) || appCodes.has(error.code)) {
    throw error;
  }
  desk.options.log.warn("a person could not be told in Slack", { userName, code: error.code });
}

function waitsFor({ state, digest }: GrantView): boolean {
  return state === "PendingApproval" && digest !== undefined;
}

function hasDecided({ approval }: GrantView, userName: string): boolean {
  return (approval?.steps ?? []).some(({ decisions }) =>
    decisions.some(({ reviewer }) => reviewer.kind === "User" && reviewer.username === userName),
  );
}
