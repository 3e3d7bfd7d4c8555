import { createHmac } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, expect, it } from "vitest";
import { actionIDs } from "#controller/notify/slack/message.ts";
import {
  type Shown,
  testChannel,
  testSigningSecret,
  type TestSlack,
  testSlack,
  testToken,
} from "#controller/notify/slack/testing.ts";
import { type TestServer, testServer } from "#controller/notify/testing.ts";
import { type Installation, signInDirectly, startInstallation, untilProxyLinked } from "../harness/installation.ts";
import { ended, eventually } from "../harness/process.ts";

/** Margaret asks on her command line, grace (an administrator) decides in Slack; a receiver of webhooks hears of all of it. */
let installation: Installation;
let slack: TestSlack;
let receiver: TestServer;
const directory = mkdtempSync(path.join(tmpdir(), "sallyport-e2e-notify-"));
const secret = `whsec_${Buffer.alloc(32, 5).toString("base64")}`;

beforeAll(async () => {
  slack = await testSlack();
  receiver = await testServer(() => ({ status: 204 }));
  const file = (name: string, text: string): string => {
    writeFileSync(path.join(directory, name), text);
    return path.join(directory, name);
  };
  installation = await startInstallation({
    sandbox: { delays: { identityCenterMs: 30 } },
    flags: {
      "webhook-url": `${receiver.url}/hook#events=grant.*,slack.linked`,
      "webhook-secret-file": file("webhook", secret),
      "slack-token-file": file("token", testToken),
      "slack-signing-secret-file": file("signing", testSigningSecret),
      "slack-channel": testChannel,
      "slack-api-url": slack.apiURL,
    },
  });
  await untilProxyLinked(installation);
  for (const who of ["margaret", "grace"]) {
    await signInDirectly(installation, who);
  }
}, 120_000);
afterAll(async () => {
  await installation?.stop();
  await Promise.all([slack?.close(), receiver?.close()]);
  rmSync(directory, { recursive: true, force: true });
});

async function cli(who: string, ...args: string[]): Promise<string> {
  const command = installation.run(who, args);
  const code = await ended(command);
  expect({ code, said: command.lines }).toMatchObject({ code: 0 });
  return command.lines.join("\n");
}

/** Grace's Slack account presses Approve of the message, as Slack tells it. */
function press(): Promise<number> {
  const elements = slack.messages[0]?.blocks.at(-1)?.["elements"] as { action_id: string; value?: string }[];
  const value = elements.find(({ action_id }) => action_id === actionIDs.approve)?.value;
  const payload = {
    type: "block_actions",
    user: { id: "U0GRACE", team_id: "T024BE7LD", username: "grace" },
    response_url: `${slack.url}/respond/1`,
    actions: [{ action_id: actionIDs.approve, value }],
    trigger_id: String(slack.replies.length),
  };
  const body = `payload=${encodeURIComponent(JSON.stringify(payload))}`;
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const hash = createHmac("sha256", testSigningSecret).update(`v0:${timestamp}:${body}`).digest("hex");
  const headers = { "x-slack-request-timestamp": timestamp, "x-slack-signature": `v0=${hash}` };
  const ca = readFileSync(installation.caFile);
  return new Promise((resolve, reject) => {
    const sent = request(
      `${installation.url}/slack/interactions`,
      { method: "POST", ca, headers: { ...headers, "content-type": "application/x-www-form-urlencoded" } },
      (answer) => resolve(answer.resume().statusCode ?? 0),
    );
    sent.on("error", reject).end(body);
  });
}

const shown = (text: string): Promise<Shown> =>
  eventually(`Slack shows ${text}`, () => slack.messages.find((message) => JSON.stringify(message).includes(text)));
const replied = (count: number): Promise<string> =>
  eventually("Slack is answered", () => slack.replies[count - 1]?.text);
const told = (): string[] => receiver.arrived.map(({ body }) => (JSON.parse(body) as { type: string }).type);

it("takes a request through Slack: shown, linked, approved, live, ended, and told once through SIGKILL", async () => {
  await cli("margaret", "request", "orders", "app_owner", "--yes", "--reason", "OPS-7 <!channel>");
  await shown(actionIDs.approve);
  expect(await press()).toBe(200);
  const [, code = ""] = /slack link (\w+)/.exec(await replied(1)) ?? [];
  expect(await cli("grace", "slack", "link", code, "--yes")).toContain("user U0GRACE of workspace T024BE7LD");

  installation.controller().kill("SIGKILL");
  await installation.controller().exited;
  await installation.startController();
  expect(await press()).toBe(200);

  expect(await replied(2)).toBe("Your decision counted.");
  const message = await shown("approved by *grace*");
  expect(message.ts).toBe(slack.messages[0]?.ts);
  // Grace's own message among them, if she was asked before she decided.
  await eventually("nobody is offered to decide any more", () =>
    JSON.stringify(slack.messages).includes(actionIDs.approve) ? undefined : true,
  );
  await shown("Live until");
  const { data } = JSON.parse(receiver.arrived[0]?.body ?? "") as { data: { grantID: string } };
  await cli("margaret", "revoke", data.grantID, "--reason", "done");
  await shown("The access is over");
  await eventually("the end is told", () => (told().includes("grant.deprovisioned") ? true : undefined));

  const inChannel = slack.messages.filter(({ channel }) => channel === testChannel);
  expect(inChannel.filter(({ thread }) => thread === undefined)).toHaveLength(1);
  expect(told()).toEqual([
    "grant.requested",
    "slack.linked",
    "grant.approved",
    "grant.activated",
    "grant.ended",
    "grant.deprovisioned",
  ]);
  const { body, headers } = receiver.arrived[0] ?? { body: "", headers: {} };
  expect(() => new Webhook(secret).verify(body, headers as Record<string, string>)).not.toThrow();
}, 120_000);
