import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type FakeInstallation, startFakeInstallation } from "#test/cli/fake-installation.ts";
import { slackLink, slackUnlink } from "./slack.ts";

let installation: FakeInstallation;
const account = { teamID: "T1", slackUserID: "U0ADA", slackName: "ada" };

beforeAll(async () => {
  installation = await startFakeInstallation();
});
afterAll(() => installation[Symbol.asyncDispose]());
beforeEach(() => {
  installation.api.calls.length = 0;
  installation.on("POST /v1/slack/link", () => ({ body: { ...account, linked: true } }));
  installation.on("POST /v1/slack/unlink", () => ({ body: { items: [] } }));
});

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  using computer = installation.computerOf("ada");
  return await computer.run([slackLink, slackUnlink], ...argv);
}
const linking = () => installation.api.calls.filter(({ path }) => path === "/v1/slack/link");

describe("slack link", () => {
  it("links what the code was shown to, once it was confirmed", async () => {
    const { code, out } = await run("slack", "link", "abc", "--yes");

    expect({ code, out }).toEqual({
      code: 0,
      out: 'Linked: user U0ADA of workspace T1, called "ada" acts for you in Slack.\n',
    });
    expect(linking().map(({ body }) => body)).toEqual([{ code: "abc" }, { code: "abc", confirm: true }]);
  });

  it("says whose account it is, and links nothing without a yes", async () => {
    const { code, err } = await run("slack", "link", "abc");

    expect(code).toBe(1);
    expect(err).toContain("user U0ADA of workspace T1");
    expect(linking()).toHaveLength(1);
  });
});

describe("slack unlink", () => {
  it("says that no account acts any more", async () => {
    expect(await run("slack", "unlink")).toMatchObject({ code: 0, out: "No Slack account acts for you.\n" });
  });
});
