import { isValidSlackRequest } from "@slack/bolt";
import { afterEach, describe, expect, it } from "vitest";
import { actionIDs } from "../../notify/slack/message.ts";
import { testSigningSecret } from "../../notify/slack/testing.ts";
import { type DoorStand, doorStand, pressed, send, signed } from "#test/serve/slack-door.ts";

let stand: DoorStand | undefined;

afterEach(async () => {
  await stand?.close();
  stand = undefined;
});

const start = async (options?: Parameters<typeof doorStand>[0]): Promise<DoorStand> =>
  (stand = await doorStand(options));

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
