import { afterEach, describe, expect, it } from "vitest";
import type { Grant } from "#kinds/index.ts";
import { aWorkflow } from "#controller/reconcile/testing.ts";
import { adasDigest, adasGrant, reviewedObjects, waitingGrant } from "#test/serve/api-stand.ts";
import { testServices } from "#test/serve/services.ts";
import { anEvent } from "../testing.ts";
import { askReviewers } from "./copies.ts";
import { keepFresh } from "./refresh.ts";
import { deliver, type SlackStand, slackStand } from "./stand.ts";
import type { Shown } from "./testing.ts";

let stand: SlackStand | undefined;
const ended = new AbortController();

afterEach(async () => {
  await stand?.close();
  stand = undefined;
});

const people: Record<string, readonly string[]> = {
  ada: ["developers"],
  rita: ["developers"],
  rob: ["leads"],
  grace: ["leads"],
};

async function start(grant: Grant = waitingGrant(), objects = reviewedObjects) {
  const { source, clock, grantNews: news } = testServices([...objects, grant]);
  const known = { ...people };
  const opened = await slackStand({ source, clock, news, people: known });
  stand = opened;
  const link = (userName: string, userID = `u-${userName}`) =>
    opened.desk.book.link({
      teamID: "T1",
      slackUserID: `U0${userName.toUpperCase()}`,
      slackName: userName,
      userID,
      userName,
      time: "",
    });
  const to = (userName: string): Shown[] =>
    opened.slack.messages.filter(({ channel }) => channel === `D0${userName.toUpperCase()}`);
  const ask = (desk = opened.desk, asked: Grant = grant) => askReviewers(desk, asked, ended.signal);
  return { ...opened, source, clock, known, link, to, ask };
}

const actionsIn = (message: Shown | undefined): string[] =>
  (message?.blocks ?? []).flatMap(({ elements = [] }) =>
    (elements as { action_id?: string }[]).flatMap(({ action_id: id }) => (id === undefined ? [] : [id])),
  );
const at = "2026-01-01T00:00:00.000Z";

describe("whoever asked for somebody else's access", () => {
  it.each([
    ["grant.approved", adasGrant(), "The access of *ada* to *orders* as *read_only* was approved, as you asked."],
    ["grant.denied", waitingGrant(), "was denied by *rob*: not now"],
    ["grant.expiring", adasGrant(), "for which you asked, ends <!date"],
    ["grant.ended", adasGrant(), "for which you asked, is over by *rob*"],
  ] as const)("is told of %s", async (event, grant, text) => {
    const { desk, link, to } = await start(grant);
    await link("rita");

    const detail: Record<string, string> = event === "grant.denied" ? { comment: "not now" } : {};
    await deliver(desk, anEvent(2, { event, actor: { kind: "User", name: "rob" }, detail }));

    expect(to("rita").map((message) => message.text)).toEqual([expect.stringContaining(text)]);
  });

  it("is not the one who had that name before, nor one who is disabled, nor told twice where it is their own", async () => {
    const { desk, link, to, known } = await start(adasGrant());
    const approved = (storeSeq: number) => anEvent(storeSeq, { event: "grant.approved" });

    await link("rita", "u-rita-before");
    await deliver(desk, approved(2));
    await link("rita");
    delete known["rita"];
    await deliver(desk, approved(3));

    expect(to("rita")).toEqual([]);
  });
});

describe("a reviewer who has linked an account", () => {
  it("is asked alone, once, with the buttons; others are not", async () => {
    const { desk, link, to, ask, restarted, slack } = await start();
    await Promise.all(["rob", "ada", "rita"].map((name) => link(name)));
    await deliver(desk, anEvent(1));

    await ask();
    await ask(await restarted());

    expect(to("rob").map(({ text }) => text)).toEqual([expect.stringContaining("A request waits for your decision")]);
    expect(actionsIn(to("rob")[0])).toContain("sallyport_approve");
    expect(slack.messages).toHaveLength(2);
  });

  it("is not asked by a name that was somebody else's, nor outside the groups of this moment", async () => {
    const { desk, link, to, ask, known } = await start();
    await link("rob", "u-rob-before");
    await link("grace");
    known["grace"] = ["developers"];
    await deliver(desk, anEvent(1));

    await ask();

    expect([...to("rob"), ...to("grace")]).toEqual([]);
  });

  it("who is named themselves is asked, and one whom Slack refuses keeps nobody from it", async () => {
    const approvers = ["rita", "rob", "grace"].map((name) => ({ kind: "User" as const, name }));
    const workflow = aWorkflow({
      metadata: { name: "reviewed" },
      spec: { approvalSteps: [{ name: "lead", approvers }] },
    });
    const objects = [...reviewedObjects.filter(({ kind }) => kind !== "AccessWorkflow"), workflow];
    const { desk, link, to, ask, slack } = await start(waitingGrant(), objects);
    await link("rob");
    await link("grace");
    await link("rita");
    await deliver(desk, anEvent(1));
    slack.fail("chat.postMessage", { error: "user_disabled" });

    await ask();

    expect(to("rob").length + to("grace").length).toBe(1);
    // She asked for it: her word does not count.
    expect(to("rita")).toEqual([]);
  });

  it("has no buttons left once somebody decided elsewhere, and reads who did, after a restart too", async () => {
    const { desk, link, to, ask, restarted, source, slack } = await start();
    await link("rob");
    await link("grace");
    await deliver(desk, anEvent(1));
    await ask();
    const stop = new AbortController();

    // Nobody tells of it: the event came before the Grant said so.
    source.put(adasGrant());
    const fresh = keepFresh(await restarted(), stop.signal);
    await expect
      .poll(() => [slack.messages[0], ...to("rob"), ...to("grace")].flatMap(actionsIn))
      .toEqual(Array.from({ length: 3 }, () => "sallyport_open"));
    stop.abort();
    await fresh;

    for (const message of [...to("rob"), ...to("grace")]) {
      expect(message.text).toContain("Approved by *rob*");
    }
  });

  it("who has unlinked it is told nothing more", async () => {
    const { desk, link, to, ask, source } = await start();
    await link("rob");
    await deliver(desk, anEvent(1));
    await ask();
    await desk.book.unlink("u-rob");

    source.put(adasGrant());
    await deliver(desk, anEvent(2, { event: "grant.approved" }));

    expect(to("rob").map(({ edits }) => edits)).toEqual([0]);
  });

  it("is asked once the Identity Store answers again, and meanwhile all messages are as their grants are", async () => {
    const { desk, link, to, known, restarted, source, slack, clock } = await start();
    await link("rob");
    await deliver(desk, anEvent(1));
    let asked = 0;
    let isAway = true;
    Object.defineProperty(known, "rob", {
      get: () => {
        asked += 1;
        if (isAway) {
          throw new Error("throttled");
        }
        return ["leads"];
      },
    });
    const stop = new AbortController();
    const fresh = keepFresh(await restarted(), stop.signal);
    await expect.poll(() => asked).toBe(1);

    const grant = waitingGrant();
    source.put({ ...grant, spec: { ...grant.spec, durationSeconds: 60 } });
    await expect.poll(() => JSON.stringify(slack.messages[0])).toContain("1 min");
    expect(to("rob")).toEqual([]);
    isAway = false;
    clock.advance(30_000);
    await expect.poll(() => to("rob").length).toBe(1);
    stop.abort();
    await fresh;
  });

  it("who has decided is not shown the buttons again while others are waited for", async () => {
    const { desk, link, to, ask, source } = await start();
    await link("rob");
    await link("grace");
    await deliver(desk, anEvent(1));
    await ask();
    const grant = waitingGrant();
    const approvals = [
      { step: "lead", reviewer: "rob", reviewerID: "u-rob", decision: "Approve", time: at, digest: adasDigest },
    ];
    source.put({ ...grant, status: { ...grant.status, approvals } } as never);

    await deliver(desk, anEvent(2, { event: "review.counted", detail: { decision: "Approve", step: "lead" } }));

    expect(actionsIn(to("rob")[0])).toEqual(["sallyport_open"]);
    expect(actionsIn(to("grace")[0])).toContain("sallyport_approve");
  });
});

describe("a request that nobody decides on any more", () => {
  it.each([
    ["was cancelled", "Cancelled", "The request was cancelled by ada: not needed"],
    ["was not approved in time", "NotApprovedInTime", "Nobody approved it in time."],
  ])("because it %s has no buttons and says so", async (_, reason, message) => {
    const { desk, link, to, ask, source, slack } = await start();
    await link("rob");
    await deliver(desk, anEvent(1));
    await ask();
    const grant = waitingGrant();
    source.put({ ...grant, status: { ...grant.status, end: { reason, message, time: at }, endTime: at } } as never);

    await deliver(desk, anEvent(2, { event: "grant.ended", detail: { reason, message } }));

    expect([slack.messages[0], to("rob")[0]].flatMap(actionsIn)).toEqual(["sallyport_open", "sallyport_open"]);
    expect(JSON.stringify([slack.messages[0], to("rob")[0]]).split(message)).toHaveLength(5);
  });
});
