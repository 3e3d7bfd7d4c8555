import { WebClient } from "@slack/web-api";
import type { KnownBlock } from "@slack/types";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { adasGrant, reviewedObjects, waitingGrant } from "#test/serve/api-stand.ts";
import { Secret } from "#lib/secret.ts";
import { testServices } from "#test/serve/services.ts";
import { extendButtons, grantMessage, noteMessage } from "./message.ts";
import { type SlackStand, slackStand } from "./stand.ts";
import { testChannel, testSigningSecret, testToken } from "./testing.ts";

let stand: SlackStand;
const services = testServices([...reviewedObjects]);
const context = {
  installation: "test",
  publicURL: "https://sallyport.test",
  approveInConsole: false,
  secret: new Secret(testSigningSecret),
};

beforeEach(async () => {
  stand = await slackStand({ source: services.source, clock: services.clock, news: services.grantNews });
});

afterEach(() => stand.close());

const client = (token = testToken): WebClient =>
  new WebClient(token, {
    slackApiUrl: `${stand.slack.apiURL}/`,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
  });

describe("the stand-in for Slack", () => {
  it("speaks with Slack's own client as Slack does", async () => {
    const blocks: KnownBlock[] = [...grantMessage(stand.desk.viewOf(waitingGrant()), context).blocks];

    // oxlint-disable-next-line require-post-message-target-origin -- a method of Slack, not of a window
    const posted = await client().chat.postMessage({ channel: testChannel, text: "hello", blocks });
    const changed = await client().chat.update({ channel: testChannel, ts: posted.ts ?? "", text: "bye", blocks });

    expect([posted.ok, posted.channel, changed.ts]).toEqual([true, testChannel, posted.ts]);
    expect(stand.slack.messages[0]).toMatchObject({ text: "bye", edits: 1 });
  });

  it("gives what was posted with its metadata, to whom may read, as that client reads it", async () => {
    const metadata = { event_type: "sallyport_message", event_payload: { id: "x" } };
    const posted = await stand.desk.options.api.call(
      "chat.postMessage",
      { channel: testChannel, text: "hello", metadata },
      AbortSignal.timeout(5_000),
    );
    const look = { channel: testChannel, include_all_metadata: true };
    await expect(client().conversations.history(look)).rejects.toMatchObject({ data: { error: "missing_scope" } });
    stand.slack.letRead();

    const { messages } = await client().conversations.history(look);
    const below = await client().conversations.replies({ ...look, ts: String(posted["ts"]) });

    expect(messages).toMatchObject([{ ts: posted["ts"], metadata }]);
    expect(below.messages).toMatchObject([{ metadata }]);
  });

  it("refuses as that client expects it", async () => {
    const update = client().chat.update({ channel: testChannel, ts: "1.2", text: "x" });

    await expect(update).rejects.toMatchObject({ data: { error: "message_not_found" } });
    await expect(client("xoxb-other").auth.test()).rejects.toMatchObject({ data: { error: "invalid_auth" } });
    stand.slack.fail("auth.test", { status: 429, retryAfter: "3" });
    await expect(client().auth.test()).rejects.toMatchObject({ retryAfter: 3 });
  });

  it("gets blocks of Slack's own types", () => {
    const view = stand.desk.viewOf(adasGrant());

    const blocks: KnownBlock[] = [...noteMessage("text", extendButtons(view, context)).blocks];

    expect(blocks.map(({ type }) => type)).toEqual(["section", "actions"]);
  });
});
