import { afterEach, describe, expect, it } from "vitest";
import { caller } from "#test/serve/services.ts";
import { anEvent } from "../../notify/testing.ts";
import { deliver } from "../../notify/slack/stand.ts";
import { type DoorStand, doorStand, pressed, replied, send } from "#test/serve/slack-door.ts";

let stand: DoorStand | undefined;

afterEach(async () => {
  await stand?.close();
  stand = undefined;
});

const start = async (options?: Parameters<typeof doorStand>[0]): Promise<DoorStand> =>
  (stand = await doorStand(options));

describe("linking", () => {
  const ask = async ({ app, api }: DoorStand, path: string, who: string, body?: unknown): Promise<Response> =>
    app.request(path, {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${api.tokens.issue(caller(who)).token.reveal()}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  async function coded() {
    const here = await start();
    await deliver(here.desk, anEvent(1));
    await send(here.app, pressed(here));
    const said = await replied(here);
    const [, code = ""] = /sallyport slack link (\w+)/.exec(said) ?? [];
    expect(said).toContain(`<https://sallyport.test/console/slack-link#slack=${code}|link it in your browser>`);
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
