import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type {
  GrantRequestResponse,
  GrantView,
  GrantWatchLine,
  KillResponse,
  ReviewedGrant,
  SessionList,
} from "#wire/control-api.ts";
import type { Statistics } from "#wire/statistics.ts";
import type { TrailEventList } from "#wire/trail-event.ts";
import { type ControlApi, controlApi } from "../harness/control-api.ts";
import { type Installation, signInDirectly, startInstallation, untilProxyLinked } from "../harness/installation.ts";
import { eventually } from "../harness/process.ts";
import * as support from "./support.ts";

let installation: Installation;
/** Margaret may own orders once an administrator has approved it; grace is one, and no auditor; linus is neither. */
let margaret: ControlApi;
let grace: ControlApi;
let linus: ControlApi;
let grantID: string;

beforeAll(async () => {
  installation = await startInstallation({ sandbox: { delays: { identityCenterMs: 30 } } });
  [margaret, grace, linus] = ["margaret", "grace", "linus"].map((who) => controlApi(installation, who)) as [
    ControlApi,
    ControlApi,
    ControlApi,
  ];
  await untilProxyLinked(installation);
  await signInDirectly(installation, "margaret");
});
afterAll(() => installation?.stop());

const stateOf = (line: GrantWatchLine): string | undefined => (line as GrantView).state;
const path = (rest = ""): string => `/v1/grants/${grantID}${rest}`;

describe("access that somebody approves, over the API", () => {
  it("is asked for, reviewed and followed until it is live, without asking again and again", async () => {
    const asked = await margaret.post<GrantRequestResponse>("/v1/grants", {
      database: "orders",
      role: "app_owner",
      durationSeconds: 600,
      reason: "OPS-7",
    });
    const name = asked.grant?.name ?? "";
    const waiting = await support.grantReaches(margaret, name, "PendingApproval");
    grantID = waiting.grantID;
    const states: (string | undefined)[] = [];
    const following = (async () => {
      for await (const line of margaret.lines<GrantWatchLine>(path("/watch"))) {
        states.push(stateOf(line));
        if (stateOf(line) === "Active") {
          return;
        }
      }
    })();

    const [queued] = (await grace.get<{ items: GrantView[] }>("/v1/reviews")).items;
    const answer = await grace.post<ReviewedGrant>(path("/review"), {
      decision: "Approve",
      digest: queued?.digest,
      comment: "go on",
    });
    expect(answer.review.state).toBe("Counted");
    await following;

    expect([asked.change, queued?.grantID, queued?.reason]).toEqual(["Requested", grantID, "OPS-7"]);
    expect(queued?.actions).toContain("approve");
    expect(states[0]).toBe("PendingApproval");
    const live = await margaret.get<GrantView>(path());
    expect(live.approval).toMatchObject({
      state: "Approved",
      steps: [{ decisions: [{ decision: "Approve", reviewer: { username: "grace" }, comment: "go on" }] }],
    });
    await expect(linus.get(path())).rejects.toMatchObject({ status: 404 });
  });

  it("is not lengthened before its workflow allows it, and offers that to nobody", async () => {
    const { extension, actions } = await margaret.get<GrantView>(path());

    expect(Date.parse(extension?.fromTime ?? "")).toBeGreaterThan(Date.now());
    expect(actions).not.toContain("extend");
    await expect(margaret.post(path("/extend"), { count: 0 })).rejects.toMatchObject({ code: "TooEarly" });
  });

  it("loses one session to an administrator, who tells why, and goes on", async () => {
    const { url } = await support.connectAs(installation, "margaret", "app_owner");
    const [{ client, lastWords }, other] = [await support.connected(url), await support.connected(url)];
    await client.query("select 'mine' as mark");
    const open = await eventually("both sessions are in the trail", async () => {
      const { items } = await grace.get<SessionList>(`/v1/sessions?grantID=${grantID}&open=true`);
      return items.length === 2 ? items : undefined;
    });
    const ended = open.toSorted((one, two) => two.statements - one.statements)[0]?.session ?? "";

    await expect(linus.post(`/v1/sessions/${ended}/kill`, { reason: "mine" })).rejects.toMatchObject({ status: 404 });
    const answer = await grace.post<KillResponse>(`/v1/sessions/${ended}/kill`, { reason: "it holds a lock" });

    expect(answer).toEqual({ session: ended, backend: "gone" });
    await eventually("the client is told", () => (lastWords() === "" ? undefined : true));
    expect(lastWords()).toMatch(/grace ended this session: it holds a lock/);
    expect((await other.client.query("select 1")).rowCount).toBe(1);
    await eventually("the end is in the trail", async () => {
      const { items } = await margaret.get<SessionList>(`/v1/sessions?grantID=${grantID}`);
      return items.find(({ session }) => session === ended)?.closeReason === "session-killed" ? true : undefined;
    });
    await other.client.end();
  });

  it("shows its statements to whom the Database lets, and puts on record who looked", async () => {
    const statistics = await margaret.get<Statistics>(`/v1/audit/statistics?grantID=${grantID}`);
    const seen = await grace.get<{ items: unknown[] }>(`/v1/audit/statements?grantID=${grantID}`);

    expect(statistics.slowest.length).toBeGreaterThan(0);
    expect(seen.items.length).toBeGreaterThan(0);
    await expect(linus.get(`/v1/audit/statements?grantID=${grantID}`)).resolves.toEqual({ items: [] });
    const { items } = await margaret.get<TrailEventList>(`/v1/events?grantID=${grantID}&limit=1000`);
    const told = items.map(({ event, actor }) => `${event} ${actor.name}`);
    expect(told).toEqual(
      expect.arrayContaining(["session.killed grace", "statements.viewed margaret", "statements.viewed grace"]),
    );
    expect(told.filter((event) => event === "statements.viewed grace")).toHaveLength(1);
  });

  it("is ended by who approved it, and the trail of it all verifies", async () => {
    await grace.post(path("/revoke"), { reason: "done" });
    await eventually("it has ended", async () =>
      (await margaret.get<GrantView>(path())).state === "Ended" ? true : undefined,
    );

    expect(await support.verifyTrail(margaret)).toMatchObject({ verdict: "complete", findings: [] });
  });
});
