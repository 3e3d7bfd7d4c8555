import { createHmac } from "node:crypto";
import type { Hono } from "hono";
import { expect } from "vitest";
import { memoryTrail } from "#audit/event/memory-trail.ts";
import type { GrantReview } from "#kinds/index.ts";
import { type ManualClock, manualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { apiStand, reviewedObjects, waitingGrant } from "./api-stand.ts";
import { actionIDs } from "#controller/notify/slack/message.ts";
import { slackStand } from "#controller/notify/slack/stand.ts";
import { testSigningSecret } from "#controller/notify/slack/testing.ts";
import { createApp } from "#controller/serve/app.ts";
import { slackDoor } from "#controller/serve/slack/door.ts";

/** What somebody presses; absent: Approve of the newest message that has it, as U0ROB of T1. */
export interface Press {
  readonly user?: string;
  readonly team?: string;
  readonly actionID?: string;
  readonly value?: string;
}

/** Who is enabled in the Identity Store, and in which groups. */
const people: Record<string, readonly string[]> = { rob: ["leads"], ada: ["developers"], grace: ["developers"] };

/** The door, what it speaks with, and a way to link people. */
export async function doorStand({ objects = [...reviewedObjects, waitingGrant()], approveInConsole = false } = {}) {
  const enabled = new Set(Object.keys(people));
  const trail = memoryTrail();
  const api = apiStand(objects, () => ({
    trail,
    // The codes of links are told apart.
    random: (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes)),
    directory: {
      findUser: async (userName: string) =>
        enabled.has(userName)
          ? { userName, userID: `u-${userName}`, displayName: userName, status: "ENABLED" }
          : undefined,
      groupsOf: async (userID: string) => people[userID.slice(2)] ?? [],
    } as never,
  }));
  const { services } = api;
  const clock: ManualClock = manualClock(services.clock.now());
  const side = await slackStand({ source: services.source, clock, news: services.grantNews, approveInConsole });
  const door = slackDoor(side.desk, { ...services, clock });
  const app = createApp([...door.routes], api.tokens, { auditors: undefined, administrators: undefined }, silentLog);
  door.mount(app);
  const { book } = side.desk;
  const link = (userName: string, slackUserID: string) =>
    book.link({ teamID: "T1", slackUserID, slackName: userName, userID: `u-${userName}`, userName, time: "" });
  return { ...side, app, api, clock, enabled, trail, source: services.source, link };
}

export type DoorStand = Awaited<ReturnType<typeof doorStand>>;

/** A request as Slack signs it; `seconds` is its age. */
export function signed(
  { clock }: Pick<DoorStand, "clock">,
  payload: unknown,
  { seconds = 0, secret = testSigningSecret } = {},
) {
  const body = `payload=${encodeURIComponent(JSON.stringify(payload))}`;
  const timestamp = Math.floor(clock.now() / 1_000) - seconds;
  const hash = createHmac("sha256", secret).update(`v0:${timestamp}:${body}`).digest("hex");
  return { body, headers: { "x-slack-request-timestamp": String(timestamp), "x-slack-signature": `v0=${hash}` } };
}

/** Sends it to the door. */
export const send = async (app: Hono, { body, headers }: ReturnType<typeof signed>): Promise<Response> =>
  app.request("/slack/interactions", {
    method: "POST",
    body,
    headers: { ...headers, "content-type": "application/x-www-form-urlencoded" },
  });

/** A press of a button of the grant's message in the channel, or of the newest message to a person. */
export function pressed(
  { slack, clock }: DoorStand,
  { user = "U0ROB", team = "T1", actionID = actionIDs.approve, value }: Press = {},
) {
  const buttons = slack.messages.flatMap(({ blocks }) =>
    blocks.flatMap((block) => (block["elements"] ?? []) as { action_id?: string; value?: string }[]),
  );
  const known = buttons.findLast(({ action_id }) => action_id === actionID);
  return signed(
    { clock },
    {
      type: "block_actions",
      user: { id: user, team_id: team, username: "somebody" },
      team: { id: "T1" },
      trigger_id: "13345224609.738474920.8088930838d88f008e0",
      response_url: `${slack.url}/respond/1`,
      actions: [{ action_id: actionID, value: value ?? known?.value }],
      nonce: crypto.randomUUID(),
    },
  );
}

/** What was decided. */
export const reviews = ({ source }: DoorStand): GrantReview["spec"][] =>
  source.list("GrantReview").map(({ object }) => object.spec);
/** The newest answer to who pressed, once there are so many. */
export const replied = async ({ slack }: DoorStand, count = 1): Promise<string> => {
  await expect.poll(() => slack.replies.length).toBe(count);
  return slack.replies.at(-1)?.text ?? "";
};
