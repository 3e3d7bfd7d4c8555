import { afterEach, describe, expect, it } from "vitest";
import { adasDigest, adasGrant, adasGrantID, reviewedObjects, waitingGrant } from "#test/serve/api-stand.ts";
import { anEvent } from "../../notify/testing.ts";
import { actionIDs } from "../../notify/slack/message.ts";
import { deliver } from "../../notify/slack/stand.ts";
import { type DoorStand, doorStand, pressed, replied, reviews, send, signed } from "#test/serve/slack-door.ts";

let stand: DoorStand | undefined;

afterEach(async () => {
  await stand?.close();
  stand = undefined;
});

const start = async (options?: Parameters<typeof doorStand>[0]): Promise<DoorStand> =>
  (stand = await doorStand(options));

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
  const submitted = (here: DoorStand, comment: string) => {
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

  it("that Slack does not ask about changes nothing, and says so", async () => {
    const here = await start();
    await here.link("rob", "U0ROB");
    await deliver(here.desk, anEvent(1));
    here.slack.fail("views.open", { error: "expired_trigger_id" });

    await send(here.app, pressed(here, { actionID: actionIDs.deny }));

    expect(await replied(here)).toContain("Nothing was decided");
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
