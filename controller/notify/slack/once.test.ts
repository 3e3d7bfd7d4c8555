import { afterEach, describe, expect, it } from "vitest";
import type { AnyObject } from "#kinds/index.ts";
import { aWorkflow } from "#controller/reconcile/testing.ts";
import { adasGrant, adasGrantID, reviewedObjects, waitingGrant } from "#test/serve/api-stand.ts";
import { testServices } from "#test/serve/services.ts";
import { anEvent } from "../testing.ts";
import { slackChannelAnnotation } from "./channel.ts";
import { keepFresh } from "./refresh.ts";
import { deliver, type SlackStand, slackStand } from "./stand.ts";
import { testChannel } from "./testing.ts";

let stand: SlackStand | undefined;

afterEach(async () => {
  await stand?.close();
  stand = undefined;
});

async function start(objects: readonly AnyObject[]) {
  const { source, clock, grantNews: news } = testServices(objects);
  stand = await slackStand({ source, clock, news });
  return { ...stand, source };
}

describe("a message whose answer was lost", () => {
  const live = [...reviewedObjects, adasGrant()];
  const approved = anEvent(2, { event: "grant.approved" });

  it("is found, and not sent again, where the app may look, also after a kill", async () => {
    const { slack, desk, restarted } = await start(live);
    slack.letRead();
    slack.fail("chat.postMessage", "lost", "lost");

    await expect(deliver(desk, approved)).rejects.toMatchObject({ kind: "unreachable" });
    await expect(deliver(await restarted(), approved)).rejects.toMatchObject({ kind: "unreachable" });
    await deliver(await restarted(), approved);

    const [message, below] = slack.messages;
    expect(slack.messages).toHaveLength(2);
    expect(below).toMatchObject({ text: "Approved.", thread: message?.ts });
  });

  it("is sent again where it never arrived", async () => {
    const { slack, desk } = await start(live);
    slack.letRead();
    slack.fail("chat.postMessage", "silent");

    await expect(deliver(desk, approved)).rejects.toMatchObject({ kind: "unreachable" });
    await deliver(desk, approved);

    expect(slack.messages).toHaveLength(2);
  });

  it("comes once more where the app may not look, for nothing else tells it from one that never arrived", async () => {
    const { slack, desk } = await start(live);
    slack.fail("chat.postMessage", "lost");

    await expect(deliver(desk, approved)).rejects.toMatchObject({ kind: "unreachable" });
    await deliver(desk, approved);

    expect(slack.messages.filter(({ thread }) => thread === undefined)).toHaveLength(2);
  });

  it("is not taken for arrived because somebody else's message says that it is it", async () => {
    const { slack, desk } = await start(live);
    slack.letRead();
    slack.fail("chat.postMessage", "silent");
    await expect(deliver(desk, approved)).rejects.toMatchObject({ kind: "unreachable" });
    const metadata = { event_type: "sallyport_message", event_payload: { id: "guessed" } };
    slack.messages.push({
      channel: testChannel,
      ts: "1.1",
      text: "",
      blocks: [],
      isBroadcast: false,
      edits: 0,
      metadata,
    });

    await deliver(desk, approved);

    expect(slack.messages.map(({ text }) => text)).toEqual(["", expect.stringContaining("asks for"), "Approved."]);
  });
});

describe("the channel of a request", () => {
  const ours = "C0PAYMENTS";
  const objects = (channel: string, grant = waitingGrant()): AnyObject[] => [
    ...reviewedObjects.filter(({ kind }) => kind !== "AccessWorkflow"),
    aWorkflow({
      metadata: { name: "reviewed", annotations: { [slackChannelAnnotation]: channel } },
      spec: { approvalSteps: [{ name: "lead", approvers: [{ kind: "Group", name: "leads" }] }] },
    }),
    grant,
  ];

  it("is the one that its workflow names", async () => {
    const { slack, desk } = await start(objects(ours));

    await deliver(desk, anEvent(1));

    expect(slack.messages.map(({ channel }) => channel)).toEqual([ours]);
  });

  it("is waited for where the workflow is not known yet, so that no other channel reads the request", async () => {
    const { review: _, conditions: __, ...status } = waitingGrant().status ?? ({} as never);
    const { slack, desk, source } = await start(objects(ours, { ...waitingGrant(), status } as never));
    const stop = new AbortController();
    await deliver(desk, anEvent(1));
    expect(slack.messages).toEqual([]);
    const fresh = keepFresh(desk, stop.signal);

    source.put(waitingGrant());
    await expect.poll(async () => (await desk.book.placeOf(adasGrantID))?.ts).toBeDefined();
    stop.abort();
    await fresh;
    await deliver(desk, anEvent(2, { event: "review.counted", detail: { decision: "Approve", step: "lead" } }));

    expect(slack.messages.map(({ channel, thread }) => [channel, thread === undefined])).toEqual([
      [ours, true],
      [ours, false],
    ]);
  });

  it.each(["#payments", "@everyone", "U0ADA"])("is the installation's where the workflow names %s", async (named) => {
    const { slack, desk } = await start(objects(named));

    await deliver(desk, anEvent(1));

    expect(slack.messages.map(({ channel }) => channel)).toEqual([testChannel]);
  });

  it("is the installation's where the app may not write to the workflow's, and nothing else waits for that", async () => {
    const { slack, desk } = await start(objects(ours));
    slack.fail("chat.postMessage", { error: "not_in_channel" });

    expect(await deliver(desk, anEvent(1))).toEqual([1]);

    expect(slack.messages.map(({ channel }) => channel)).toEqual([testChannel]);
  });
});
