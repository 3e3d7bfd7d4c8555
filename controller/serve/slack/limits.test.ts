import { createHmac } from "node:crypto";
import { expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { Secret } from "#lib/secret.ts";
import { codesMax, LinkCodes } from "./link-codes.ts";
import { readInteraction } from "./payload.ts";
import { isResponseURL } from "./response-url.ts";
import { requestAgeMaxMs, requestsMax, SlackRequests } from "./signature.ts";

const secret = new Secret("8f742231b10e8888abcd99yyyzzz85a5");

it("refuses requests beyond what can be remembered, and takes them again when the others are old", () => {
  const clock = manualClock();
  const requests = new SlackRequests(clock);
  const accepts = (body: string): boolean => {
    const timestamp = String(Math.floor(clock.now() / 1_000));
    const signature = `v0=${createHmac("sha256", secret.reveal()).update(`v0:${timestamp}:${body}`).digest("hex")}`;
    return requests.accepts({ timestamp, signature, body }, [secret]);
  };
  const all = Array.from({ length: requestsMax }, (_, index) => accepts(`payload=${index}`));

  expect(all.every(Boolean)).toBe(true);
  expect(accepts("payload=more")).toBe(false);
  clock.advance(2 * requestAgeMaxMs + 1);
  expect(accepts("payload=more")).toBe(true);
});

it("remembers a request for as long as its timestamp is believed, also one from the near future", () => {
  const clock = manualClock();
  const requests = new SlackRequests(clock);
  const timestamp = String(Math.floor((clock.now() + requestAgeMaxMs) / 1_000));
  const signature = `v0=${createHmac("sha256", secret.reveal()).update(`v0:${timestamp}:x`).digest("hex")}`;
  const accepts = (): boolean => requests.accepts({ timestamp, signature, body: "x" }, [secret]);

  expect(accepts()).toBe(true);
  clock.advance(2 * requestAgeMaxMs);
  expect(accepts()).toBe(false);
});

it("gives an account one code at a time, and forgets the oldest of too many", () => {
  let made = 0;
  const codes = new LinkCodes(manualClock(), (bytes) => {
    const random = Buffer.alloc(bytes);
    random.writeUInt32BE((made += 1));
    return random;
  });
  const account = (slackUserID: string) => ({ teamID: "T1", slackUserID, slackName: "x" });
  const first = codes.issue(account("U1"));
  const second = codes.issue(account("U1"));

  expect([codes.find(first), codes.find(second)?.slackUserID]).toEqual([undefined, "U1"]);
  for (let others = 1; others < codesMax; others += 1) {
    codes.issue(account(`V${others}`));
  }
  expect(codes.find(second)).toBeDefined();
  const newest = codes.issue(account("W1"));
  expect([codes.find(second), codes.find(newest)?.slackUserID]).toEqual([undefined, "W1"]);
});

it("takes a name of Slack's for one short line of text, whatever is in it", () => {
  const user = { id: "U0EVE", team_id: "T1", username: `rob\u001b[2K\n\u202e${"x".repeat(200)}` };
  const body = new URLSearchParams({ payload: JSON.stringify({ type: "block_actions", user }) }).toString();

  const interaction = readInteraction(body);

  expect(interaction).toMatchObject({ account: { slackName: expect.stringMatching(/^rob \[2K x{70,71}…$/) } });
});

it.each([
  ["https://hooks.slack.com/actions/T1/1/x", true],
  ["http://hooks.slack.com/actions/T1/1/x", false],
  ["https://hooks.slack.com.evil.test/x", false],
  ["https://hooks.slack.com@evil.test/x", false],
  ["https://169.254.169.254/latest", false],
  ["no address", false],
])("answers to %s: %s", (url, may) => {
  expect(isResponseURL(url, "https://slack.com/api")).toBe(may);
});
