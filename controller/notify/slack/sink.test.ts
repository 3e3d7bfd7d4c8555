import { writeFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import type { SinkFailure } from "#audit/sinks/failure.ts";
import type { Grant } from "#kinds/index.ts";
import { adasGrant, adasGrantID, condition, reviewedObjects, waitingGrant } from "#test/serve/api-stand.ts";
import { testServices } from "#test/serve/services.ts";
import { anEvent } from "../testing.ts";
import { keepFresh } from "./refresh.ts";
import { deliver, type SlackStand, slackStand } from "./stand.ts";
import { testChannel } from "./testing.ts";

let stand: (SlackStand & { readonly put: (grant: Grant) => void }) | undefined;

afterEach(async () => {
  await stand?.close();
  stand = undefined;
});

async function start(grant: Grant = waitingGrant(), approveInConsole = false) {
  const { source, clock, grantNews: news } = testServices([...reviewedObjects, grant]);
  const opened = await slackStand({ source, clock, news, approveInConsole });
  stand = { ...opened, put: (changed) => source.put(changed) };
  return { ...stand, clock, link: () => stand?.desk.book.link(adasLink) };
}

const adasLink = {
  teamID: "T1",
  slackUserID: "U0ADA",
  slackName: "ada",
  userID: "u-ada",
  userName: "ada",
  time: "2026-01-01T00:00:00.000Z",
};
const requested = anEvent(1);
const at = "2026-01-01T00:00:00.000Z";
const labels = (blocks: readonly Record<string, unknown>[]): string[] =>
  blocks.flatMap(({ elements = [] }) =>
    (elements as { text: string | { text: string } }[]).flatMap(({ text }) =>
      typeof text === "object" ? [text.text] : [],
    ),
  );
const failureOf = (delivery: Promise<unknown>): Promise<SinkFailure> =>
  delivery.then(
    () => expect.fail("it was delivered"),
    (error: unknown) => error as SinkFailure,
  );

describe("the message of a grant", () => {
  it("says who asks for what, why and for how long, and lets reviewers decide", async () => {
    const { slack, desk } = await start();

    await deliver(desk, requested);

    const [message] = slack.messages;
    expect(message).toMatchObject({
      channel: testChannel,
      text: expect.stringContaining("*ada* asks for *orders* as *read_only*"),
    });
    expect(JSON.stringify(message?.blocks)).toContain("Waiting for approval: *lead* (0 of 1 from leads)");
    expect(labels(message?.blocks ?? [])).toEqual(["Approve", "Deny…", "Open in the console"]);
  });

  it("is changed once somebody has decided, so that nobody else decides in vain, and what happened stands below it", async () => {
    const { slack, desk, put } = await start();
    await deliver(desk, requested);

    put(adasGrant());
    const approved = anEvent(3, { event: "grant.approved", actor: { kind: "Controller", name: "sallyport" } });
    await deliver(
      desk,
      anEvent(2, {
        event: "review.counted",
        actor: { kind: "User", name: "rob" },
        detail: { decision: "Approve", step: "lead" },
      }),
      approved,
    );

    const [message, ...below] = slack.messages;
    expect(JSON.stringify(message?.blocks)).toContain("approved by *rob*");
    expect(labels(message?.blocks ?? [])).toEqual(["Open in the console"]);
    expect(below.map(({ text, thread }) => [text, thread === message?.ts])).toEqual([
      ["*rob* approved *lead*", true],
      ["Approved.", true],
    ]);
  });

  it("leads to the console where people are to decide there", async () => {
    const { slack, desk } = await start(waitingGrant(), true);

    await deliver(desk, requested);

    expect(labels(slack.messages[0]?.blocks ?? [])).toEqual(["Review in the console"]);
    expect(JSON.stringify(slack.messages)).toContain(`https://sallyport.test/console/grants/${adasGrantID}`);
    expect(JSON.stringify(slack.messages)).not.toContain("sallyport_approve");
  });

  it("shows what a person wrote and pings nobody with it", async () => {
    const grant = waitingGrant();
    const nasty = "<!channel> <@U1> & *bold*\u202e <https://evil.test|click>";
    const spec = { ...grant.spec, reason: nasty, principal: { ...grant.spec.principal, name: "<!here>\n*x*" } };
    const { slack, desk, put } = await start({ ...grant, spec });

    await deliver(desk, requested);
    put({ ...grant, spec: { ...spec, durationSeconds: 60 } });
    await deliver(desk, anEvent(2, { event: "review.counted", detail: { decision: "Deny" } }));

    // In the text alone, too, nothing becomes a link: what changes a message would do that by default.
    expect(slack.arrived.map(({ path, body }) => [path, /"parse":"(\w+)"/.exec(body)?.[1]])).toEqual([
      ["/api/chat.postMessage", "none"],
      ["/api/chat.update", "none"],
    ]);
    const [message] = slack.messages;
    const marked = JSON.stringify(message, (_, value: unknown) =>
      typeof value === "object" && value !== null && "type" in value && value.type === "plain_text" ? "" : value,
    );
    expect(marked).not.toMatch(/<[!@#]|<https/);
    expect(marked).toContain("&lt;!here&gt;");
    expect(JSON.stringify(message?.blocks)).not.toContain("\u202e");
  });

  it("gets its buttons when it is known what is decided on, without any event", async () => {
    const early = waitingGrant();
    const { review: _, ...status } = early.status ?? ({} as never);
    const { slack, desk, put } = await start({ ...early, status } as Grant);
    const ended = new AbortController();
    await deliver(desk, requested);
    expect(labels(slack.messages[0]?.blocks ?? [])).toEqual(["Open in the console"]);
    const fresh = keepFresh(desk, ended.signal);

    put(waitingGrant());
    await slack.gets(2);
    ended.abort();
    await fresh;

    expect(labels(slack.messages[0]?.blocks ?? [])).toContain("Approve");
  });
});

describe("what a person is told alone", () => {
  const expiring = anEvent(5, { event: "grant.expiring", actor: { kind: "Controller", name: "sallyport" } });

  it("is that their access ends, with a button that extends it, where they linked their account", async () => {
    const { slack, desk, link } = await start(adasGrant());
    await link();

    await deliver(desk, expiring);

    const told = slack.messages.filter(({ channel }) => channel === "D0ADA");
    expect(told.map(({ text }) => text)).toEqual([
      expect.stringMatching(/^Your access to \*orders\* as \*read_only\* ends <!date/),
    ]);
    expect(labels(told[0]?.blocks ?? [])).toEqual(["Extend by 10 min"]);
  });

  it("stands below the message of the grant where they linked none", async () => {
    const { slack, desk } = await start(adasGrant());

    await deliver(desk, expiring);

    expect(slack.messages[1]).toMatchObject({ channel: testChannel, text: expect.stringContaining("*ada* ends") });
  });

  it("holds up nobody where Slack does not let them be told", async () => {
    const { slack, desk, link } = await start(adasGrant());
    await link();
    await deliver(desk, requested);
    slack.fail("chat.postMessage", { error: "user_disabled" });

    expect(await deliver(desk, expiring)).toEqual([5]);
  });
});

describe("break-glass", () => {
  it("is seen by the whole channel", async () => {
    const grant = adasGrant({ approvalKind: "BreakGlass" });
    const { slack, desk } = await start({ ...grant, spec: { ...grant.spec, urgency: "BreakGlass", reason: "fire" } });

    await deliver(desk, anEvent(2, { event: "grant.breakGlass" }));

    expect(slack.messages[0]?.text).toContain(":rotating_light: *ada* breaks the glass");
    expect(slack.messages[1]).toMatchObject({ isBroadcast: true, text: expect.stringContaining("Reason: fire") });
  });
});

describe("a delivery that fails", () => {
  const denied = anEvent(2, {
    event: "grant.denied",
    actor: { kind: "User", name: "rob" },
    detail: { comment: "not now" },
  });

  it.each([
    [
      { status: 429, retryAfter: "30" },
      { kind: "throttled", retryAfterMs: 30_000 },
    ],
    [{ status: 503 }, { kind: "unreachable" }],
    [{ error: "ratelimited" }, { kind: "throttled" }],
    [{ error: "internal_error" }, { kind: "unreachable" }],
    [{ error: "invalid_auth" }, { kind: "refused", message: expect.stringContaining("--slack-token-file") }],
    [{ error: "channel_not_found" }, { kind: "refused", message: expect.stringContaining("--slack-channel") }],
    ["silent" as const, { kind: "unreachable" }],
  ])("with %o waits as it must, and the event is told at the next try", async (fault, failure) => {
    const { slack, desk } = await start();
    slack.fail("chat.postMessage", fault);

    expect(await failureOf(deliver(desk, requested))).toMatchObject(failure);
    expect(await deliver(desk, requested)).toEqual([1]);
    expect(slack.messages).toHaveLength(1);
  });

  it("says that the token is wrong without showing it", async () => {
    const { desk, directory } = await start();
    writeFileSync(`${directory}/token`, "xoxb-wrong-token\n");

    const failure = await failureOf(deliver(desk, requested));

    expect(failure).toMatchObject({ kind: "refused", message: expect.stringContaining("invalid_auth") });
    expect(failure.message).not.toContain("xoxb-wrong");
  });

  it("is repeated after a kill without saying anything twice", async () => {
    const { slack, desk, link, restarted, put } = await start();
    await link();
    await deliver(desk, requested);
    put(adasGrant({ end: { reason: "Denied", message: "", time: "2026-01-01T00:00:00.000Z" } } as never));
    // Below the message it was said; to the person it was not.
    slack.fail("chat.postMessage", "none", { status: 503 });
    await failureOf(deliver(desk, denied));

    const again = await restarted();
    await deliver(again, requested, denied);

    expect(slack.messages.map(({ channel }) => channel)).toEqual([testChannel, testChannel, "D0ADA"]);
  });

  it("because somebody deleted the message posts it anew while there is something to decide", async () => {
    const { slack, desk, put } = await start();
    await deliver(desk, requested);
    slack.remove(slack.messages[0]?.ts ?? "");

    put(adasGrant());
    await deliver(desk, anEvent(2, { event: "grant.approved" }));

    expect(slack.messages.map(({ thread }) => thread === undefined)).toEqual([true, false]);
    expect(slack.messages[1]?.thread).toBe(slack.messages[0]?.ts);
  });

  it("is told once also where the position that was confirmed is behind, as after a kill", async () => {
    const { slack, desk, restarted } = await start(adasGrant());
    const approved = anEvent(2, { event: "grant.approved" });
    await deliver(desk, requested, approved, anEvent(3, { event: "grant.activated" }));
    const before = slack.messages.length;

    await deliver(await restarted(), requested, approved, anEvent(3, { event: "grant.activated" }));

    expect(slack.messages).toHaveLength(before);
  });

  it("leaves nothing alone in the channel of a grant that is over and whose message somebody deleted", async () => {
    const { slack, desk, put } = await start();
    await deliver(desk, requested);
    slack.remove(slack.messages[0]?.ts ?? "");

    const conditions = [condition("Ready", "True", "Ended"), condition("Active", "False", "Ended")];
    put(adasGrant({ end: { reason: "Cancelled", message: "", time: at }, deprovisionTime: at, conditions } as never));
    await deliver(desk, anEvent(2, { event: "grant.ended" }), anEvent(3, { event: "grant.deprovisioned" }));

    expect(slack.messages).toEqual([]);
  });

  it("for a message's blocks is sent as text alone", async () => {
    const { slack, desk } = await start();
    slack.fail("chat.postMessage", { error: "invalid_blocks" });

    await deliver(desk, requested);

    expect(slack.messages[0]).toMatchObject({ blocks: [], text: expect.stringContaining("*ada* asks") });
  });
});
