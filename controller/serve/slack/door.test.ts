import { createHmac } from "node:crypto";
import { isValidSlackRequest } from "@slack/bolt";
import type { Hono } from "hono";
import { afterEach, describe, expect, it } from "vitest";
import { memoryTrail } from "#audit/event/memory-trail.ts";
import type { GrantReview } from "#kinds/index.ts";
import { type ManualClock, manualClock } from "#lib/clock.ts";
import { adasDigest, adasGrant, adasGrantID, apiStand, reviewedObjects, waitingGrant } from "#test/serve/api-stand.ts";
import { anEvent } from "../../notify/testing.ts";
import { actionIDs } from "../../notify/slack/message.ts";
import { deliver, type SlackStand, slackStand } from "../../notify/slack/stand.ts";
import { testSigningSecret } from "../../notify/slack/testing.ts";
import { createApp } from "../app.ts";
import { silentLog } from "#lib/log.ts";
import { caller } from "#test/serve/services.ts";
import { slackDoor } from "./door.ts";

interface Press {
  readonly user?: string;
  readonly team?: string;
  readonly actionID?: string;
  readonly value?: string;
}

let stand: SlackStand | undefined;

afterEach(async () => {
  await stand?.close();
  stand = undefined;
});

/** Who is enabled in the Identity Store, and in which groups. */
const people: Record<string, readonly string[]> = { rob: ["leads"], ada: ["developers"], grace: ["developers"] };

async function start({ objects = [...reviewedObjects, waitingGrant()], approveInConsole = false } = {}) {
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
  stand = side;
  const door = slackDoor(side.desk, { ...services, clock });
  const app = createApp([...door.routes], api.tokens, { auditors: undefined, administrators: undefined }, silentLog);
  door.mount(app);
  const { book } = side.desk;
  const link = (userName: string, slackUserID: string) =>
    book.link({ teamID: "T1", slackUserID, slackName: userName, userID: `u-${userName}`, userName, time: "" });
  return { ...side, app, api, clock, enabled, trail, source: services.source, link };
}

type Stand = Awaited<ReturnType<typeof start>>;

/** A request as Slack signs it; `seconds` is its age. */
function signed({ clock }: Pick<Stand, "clock">, payload: unknown, { seconds = 0, secret = testSigningSecret } = {}) {
  const body = `payload=${encodeURIComponent(JSON.stringify(payload))}`;
  const timestamp = Math.floor(clock.now() / 1_000) - seconds;
  const hash = createHmac("sha256", secret).update(`v0:${timestamp}:${body}`).digest("hex");
  return { body, headers: { "x-slack-request-timestamp": String(timestamp), "x-slack-signature": `v0=${hash}` } };
}

const send = async (app: Hono, { body, headers }: ReturnType<typeof signed>): Promise<Response> =>
  app.request("/slack/interactions", {
    method: "POST",
    body,
    headers: { ...headers, "content-type": "application/x-www-form-urlencoded" },
  });

/** A press of a button of the grant's message in the channel, or of the newest message to a person. */
function pressed(
  { slack, clock }: Stand,
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

const reviews = ({ source }: Stand): GrantReview["spec"][] =>
  source.list("GrantReview").map(({ object }) => object.spec);
const replied = async ({ slack }: Stand, count = 1): Promise<string> => {
  await expect.poll(() => slack.replies.length).toBe(count);
  return slack.replies.at(-1)?.text ?? "";
};

describe("a button that is pressed", () => {
  it("decides as the person to whom the account is linked, on what the message showed", async () => {
    const here = await start();
    await here.link("rob", "U0ROB");
    await deliver(here.desk, anEvent(1));

    const answer = await send(here.app, pressed(here));

    expect([answer.status, await answer.text()]).toEqual([200, ""]);
    expect(await replied(here)).toBe("Your approval is on record.");
    expect(reviews(here)).toMatchObject([
      { decision: "Approve", grantDigest: adasDigest, step: "lead", reviewer: { kind: "User", username: "rob" } },
    ]);
  });

  it.each([
    ["of an account that is linked to nobody, whatever its name", "U0EVE", "T1", "linked to nobody"],
    ["of the same user ID in another workspace", "U0ROB", "T2", "linked to nobody"],
    ["of somebody who may not see the grant", "U0GRACE", "T1", "you have no grant"],
    ["of the grant's own person", "U0ADA", "T1", "not among the approvers"],
  ])("%s changes nothing, and says why", async (_, user, team, text) => {
    const here = await start();
    await Promise.all([here.link("rob", "U0ROB"), here.link("grace", "U0GRACE"), here.link("ada", "U0ADA")]);
    await deliver(here.desk, anEvent(1));

    await send(here.app, pressed(here, { user, team }));

    expect(await replied(here)).toContain(text);
    expect(reviews(here)).toEqual([]);
  });

  it("counts for nothing once its person is disabled", async () => {
    const here = await start();
    await here.link("rob", "U0ROB");
    await deliver(here.desk, anEvent(1));
    here.enabled.delete("rob");

    await send(here.app, pressed(here));

    expect(await replied(here)).toContain("not an enabled user");
    expect(reviews(here)).toEqual([]);
  });

  it("counts for nothing once somebody else has its person's name", async () => {
    const here = await start();
    const before = { teamID: "T1", slackUserID: "U0ROB", slackName: "rob", userID: "u-before", userName: "rob" };
    await here.desk.book.link({ ...before, time: "" });
    await deliver(here.desk, anEvent(1));

    await send(here.app, pressed(here));

    expect(await replied(here)).toContain("not an enabled user");
    expect(reviews(here)).toEqual([]);
  });

  it("of a message that is behind decides nothing, and the message is brought up to date", async () => {
    const here = await start();
    await here.link("rob", "U0ROB");
    await deliver(here.desk, anEvent(1));
    const other = `sha256:${"b".repeat(64)}`;
    const grant = waitingGrant();
    here.source.put({
      ...grant,
      status: { ...grant.status, review: { digest: other, workflow: "reviewed" } },
    } as never);

    await send(here.app, pressed(here));

    expect(await replied(here)).toContain("Look at it again");
    await expect.poll(() => here.slack.messages[0]?.edits).toBe(1);
    expect(reviews(here)).toEqual([]);
  });

  it.each([
    [
      "made up",
      (value: string) =>
        `${Buffer.from(JSON.stringify({ kind: "approve", grantID: adasGrantID, digest: adasDigest })).toString("base64url")}.${value.split(".")[1]}x`,
    ],
    ["without a signature", (value: string) => value.split(".")[0] ?? ""],
    ["empty", () => ""],
  ])("with a value that is %s does nothing", async (_, change) => {
    const here = await start();
    await here.link("rob", "U0ROB");
    await deliver(here.desk, anEvent(1));
    const [{ value = "" } = {}] = (here.slack.messages[0]?.blocks.at(-1)?.["elements"] ?? []) as { value?: string }[];

    await send(here.app, pressed(here, { value: change(value) }));

    expect(await replied(here)).toContain("too old to be known");
    expect(reviews(here)).toEqual([]);
  });

  it("extends the grant once, however often it is pressed", async () => {
    const here = await start({ objects: [...reviewedObjects, adasGrant()] });
    await here.link("ada", "U0ADA");
    here.clock.advance(40 * 60_000);
    await deliver(here.desk, anEvent(5, { event: "grant.expiring" }));

    for (const _ of [1, 2]) {
      await send(here.app, pressed(here, { user: "U0ADA", actionID: actionIDs.extend }));
    }

    expect(await replied(here, 2)).toBe("Your extension is on record.");
    expect(here.source.list("Grant")[0]?.object.status?.extendRequest).toMatchObject({ count: 1, by: "ada" });
  });

  it("decides nothing where people are to decide in the console, an old message's too", async () => {
    const before = await start();
    await deliver(before.desk, anEvent(1));
    const old = before.slack.messages;
    await before.close();
    const here = await start({ approveInConsole: true });
    await here.link("rob", "U0ROB");
    here.slack.messages.push(...old);

    await send(here.app, pressed(here));

    expect(await replied(here)).toContain("https://sallyport.test/console/grants/");
    expect(reviews(here)).toEqual([]);
  });
});

describe("a denial", () => {
  const submitted = (here: Stand, comment: string) => {
    const view = here.slack.modals[0]?.["view"] as { callback_id: string; private_metadata: string };
    const state = { values: { comment: { comment: { value: comment } } } };
    const user = { id: "U0ROB", team_id: "T1", username: "rob" };
    return signed(here, { type: "view_submission", user, team: { id: "T1" }, view: { ...view, state } });
  };

  it("asks why in a modal, and is on record with the answer", async () => {
    const here = await start();
    await here.link("rob", "U0ROB");
    await deliver(here.desk, anEvent(1));
    await send(here.app, pressed(here, { actionID: actionIDs.deny }));
    await expect.poll(() => here.slack.modals.length).toBe(1);

    const answer = await send(here.app, submitted(here, "not today"));

    expect(await answer.json()).toEqual({ response_action: "clear" });
    expect(reviews(here)).toMatchObject([{ decision: "Deny", comment: "not today", reviewer: { username: "rob" } }]);
  });

  it("without a comment, or that does not count, stays open with the reason", async () => {
    const here = await start();
    await here.link("rob", "U0ROB");
    await deliver(here.desk, anEvent(1));
    await send(here.app, pressed(here, { actionID: actionIDs.deny }));
    await expect.poll(() => here.slack.modals.length).toBe(1);
    const empty = await send(here.app, submitted(here, " "));
    here.source.put(adasGrant());

    const late = await send(here.app, submitted(here, "no"));

    expect(await empty.json()).toMatchObject({ response_action: "errors" });
    expect(await late.json()).toMatchObject({ response_action: "errors", errors: { comment: expect.any(String) } });
    expect(reviews(here)).toEqual([]);
  });
});

describe("a request", () => {
  it("that Slack's own code takes for Slack's is taken, and none of what it refuses", async () => {
    const here = await start();
    const status = async (request: ReturnType<typeof signed>): Promise<number> =>
      (await send(here.app, request)).status;
    const judge = ({ body, headers }: ReturnType<typeof signed>): boolean =>
      isValidSlackRequest({
        signingSecret: testSigningSecret,
        body,
        headers: {
          "x-slack-signature": headers["x-slack-signature"],
          "x-slack-request-timestamp": Number(headers["x-slack-request-timestamp"]),
        },
        nowMilliseconds: here.clock.now(),
      });
    const good = pressed(here, { actionID: actionIDs.open });
    const other = pressed(here, { actionID: actionIDs.open });
    const user = { id: "U0ROB", team_id: "T1" };
    const bad = [
      { ...other, body: good.body },
      signed(here, { type: "block_actions", user }, { seconds: 301 }),
      signed(here, { type: "block_actions", user }, { secret: "another0secret00" }),
      { ...other, headers: { ...other.headers, "x-slack-signature": "" } },
      {
        ...other,
        headers: { ...other.headers, "x-slack-signature": other.headers["x-slack-signature"].replace("v0", "v1") },
      },
    ];

    expect([judge(good), ...bad.map(judge)]).toEqual([true, false, false, false, false, false]);
    expect([await status(good), ...(await Promise.all(bad.map(status)))]).toEqual([200, 401, 401, 401, 401, 401]);
  });

  it("that comes twice, or from the future, is refused", async () => {
    const here = await start();
    const request = pressed(here, { actionID: actionIDs.open });

    const statuses = [
      (await send(here.app, request)).status,
      (await send(here.app, request)).status,
      (await send(here.app, signed(here, { type: "block_actions" }, { seconds: -301 }))).status,
    ];

    expect(statuses).toEqual([200, 401, 401]);
  });

  it("is refused unread when it is too large", async () => {
    const here = await start();

    const answer = await send(here.app, signed(here, { padding: "x".repeat(256 * 1024) }));

    expect(answer.status).toBe(413);
  });
});

describe("linking", () => {
  const ask = async ({ app, api }: Stand, path: string, who: string, body?: unknown): Promise<Response> =>
    app.request(path, {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${api.tokens.issue(caller(who)).token.reveal()}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  async function coded() {
    const here = await start();
    await deliver(here.desk, anEvent(1));
    await send(here.app, pressed(here));
    const [, code = ""] = /sallyport slack link (\w+)/.exec(await replied(here)) ?? [];
    return { ...here, code };
  }

  it("takes a code that only the account was shown, says whose it is, and is on record", async () => {
    const here = await coded();

    const shown = await ask(here, "/v1/slack/link", "rob", { code: here.code });
    expect(await shown.json()).toMatchObject({ teamID: "T1", slackUserID: "U0ROB", linked: false });
    expect(await (await ask(here, "/v1/slack/link", "rob")).json()).toEqual({ items: [] });
    await ask(here, "/v1/slack/link", "rob", { code: here.code, confirm: true });
    await send(here.app, pressed(here));

    expect(await replied(here, 2)).toBe("Your approval is on record.");
    expect(here.trail.events.at(-1)).toMatchObject({
      event: "slack.linked",
      actor: { name: "rob" },
      detail: { change: "linked", slackTeam: "T1", slackUser: "U0ROB" },
    });
  });

  it("takes a code once, and for ten minutes", async () => {
    const here = await coded();
    const link = async (code: string): Promise<number> =>
      (await ask(here, "/v1/slack/link", "rob", { code, confirm: true })).status;

    expect([await link("0".repeat(32)), await link(here.code), await link(here.code)]).toEqual([404, 200, 404]);
    const late = await coded();
    late.clock.advance(10 * 60_000);
    expect((await ask(late, "/v1/slack/link", "rob", { code: late.code, confirm: true })).status).toBe(404);
    await late.close();
    stand = here;
  });

  it("that cannot be recorded does not happen", async () => {
    const here = await coded();
    here.trail.failure = new Error("full");

    const answer = await ask(here, "/v1/slack/link", "rob", { code: here.code, confirm: true });

    expect(answer.status).toBe(503);
    expect(await here.desk.book.linkOf("T1", "U0ROB")).toBeUndefined();
  });

  it("is over when the person says so, and when the account is linked to somebody else", async () => {
    const here = await start();
    await here.link("rob", "U0ROB");
    await here.link("ada", "U0ROB");
    expect(await here.desk.book.linkOfPerson("u-rob")).toBeUndefined();

    await ask(here, "/v1/slack/unlink", "ada", {});

    expect(await here.desk.book.linkOf("T1", "U0ROB")).toBeUndefined();
    expect(here.trail.events.at(-1)).toMatchObject({ event: "slack.linked", detail: { change: "unlinked" } });
  });

  it("survives a restart", async () => {
    const here = await start();
    await here.link("rob", "U0ROB");

    expect(await (await here.restarted()).book.linkOf("T1", "U0ROB")).toMatchObject({ userName: "rob" });
  });
});
