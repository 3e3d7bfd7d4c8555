import type { NewTrailEvent, Trail } from "#audit/event/trail.ts";
import type { Clock } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import type { SlackAccountView, SlackLinkList, SlackLinkRequest } from "#wire/slack.ts";
import type { SlackBook, SlackLink } from "../../notify/slack/book.ts";
import { recordOrRefuse } from "../record-or-refuse.ts";
import { callerOf, type Caller, HttpProblem, type Route } from "../route.ts";
import { boolean, listOf, object, text } from "../schemas.ts";
import type { LinkCodes } from "./link-codes.ts";

export interface SlackLinkOptions {
  readonly book: SlackBook;
  readonly codes: LinkCodes;
  readonly trail: Trail;
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
}

const account = object({ teamID: text(20), slackUserID: text(20), slackName: text(128), linked: boolean });
const accounts = object({ items: listOf(account) });

/** Letting a Slack account act for oneself, and ending that. */
export function slackLinkRoutes(options: SlackLinkOptions): Route[] {
  const list = async (userID: string): Promise<SlackLinkList> => {
    const link = await options.book.linkOfPerson(userID);
    return { items: link === undefined ? [] : [viewOf(link, true)] };
  };
  return [
    {
      method: "GET",
      path: "/v1/slack/link",
      operationID: "getSlackLink",
      summary: "The Slack account that acts for the caller.",
      rule: "person",
      response: accounts,
      handle: (request) => list(callerOf(request).userID),
    },
    {
      method: "POST",
      path: "/v1/slack/link",
      operationID: "linkSlack",
      summary:
        "Lets the Slack account that was shown the code act for the caller. Without `confirm` it only says which account that is.",
      rule: "person",
      body: object({ code: text(64), confirm: boolean }, ["confirm"]),
      response: account,
      handle: (request) => link(options, callerOf(request), request.body as SlackLinkRequest),
    },
    {
      method: "POST",
      path: "/v1/slack/unlink",
      operationID: "unlinkSlack",
      summary: "From now on no Slack account acts for the caller.",
      rule: "person",
      response: accounts,
      handle: async (request) => {
        const caller = callerOf(request);
        const link = await options.book.unlink(caller.userID);
        if (link !== undefined) {
          // What takes away never waits for the trail.
          await options.trail.record(linkEvent(caller, link, "unlinked")).catch((error: unknown) =>
            options.log.error("that a Slack account was unlinked could not be recorded", {
              error: coerceError(error),
            }),
          );
        }
        return list(caller.userID);
      },
    },
  ];
}

async function link(
  options: SlackLinkOptions,
  caller: Caller,
  { code, confirm = false }: SlackLinkRequest,
): Promise<SlackAccountView> {
  const { codes, book, clock } = options;
  const found = confirm ? codes.redeem(code) : codes.find(code);
  if (found === undefined) {
    throw new HttpProblem(404, "SlackCodeUnknown", "this code was not made here, is over, or was used before", {
      next: "Press the button in Slack again: it shows a new code.",
    });
  }
  if (confirm) {
    const { userID, userName } = caller;
    const made: SlackLink = { ...found, userID, userName, time: new Date(clock.now()).toISOString() };
    await recordOrRefuse(options, linkEvent(caller, made, "linked"), {
      code: "LinkNotRecorded",
      what: "who may act in Slack",
      next: "Try again with a new code.",
    });
    await book.link(made);
  }
  return viewOf(found, confirm);
}

function linkEvent(
  { userName }: Caller,
  { teamID, slackUserID, slackName }: SlackLink,
  change: "linked" | "unlinked",
): NewTrailEvent {
  const actor = { kind: "User", name: userName } as const;
  const detail = { change, slackTeam: teamID, slackUser: slackUserID, slackName: slackName.slice(0, 128) };
  return { event: "slack.linked", actor, userName, detail };
}

function viewOf(
  { teamID, slackUserID, slackName }: Pick<SlackLink, "teamID" | "slackUserID" | "slackName">,
  linked: boolean,
): SlackAccountView {
  return { teamID, slackUserID, slackName: slackName.slice(0, 128), linked };
}
