import { describe, expect, it } from "vitest";
import { type Grant, keyOf } from "#kinds/index.ts";
import type { GrantGone, GrantView, GrantWatchLine } from "#wire/control-api.ts";
import { adasGrant, adasGrantID, apiStand, codeOf, reviewedObjects, waitingGrant } from "#test/serve/api-stand.ts";
import { caller, testServices, type TestServices } from "#test/serve/services.ts";
import { watchGrants } from "./grant-watch.ts";
import { heartbeatPeriodMs } from "../streams/heartbeat.ts";
import { watchesMax, watchesOfPersonMax } from "../routes/watch.ts";

const second = "gwaitingwaitingwaitingwait2";
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What a follower hears, one line after the other. */
function follow(services: TestServices, who = "ada", change: object = {}) {
  const stopping = new AbortController();
  const lines = watchGrants(services, { caller: caller(who, change), signal: stopping.signal });
  return {
    async hear(): Promise<GrantWatchLine> {
      return (await lines.next()).value ?? {};
    },
    stop: () => stopping.abort(),
    over: async () => (await lines.next()).done,
  };
}
const withReason = (grant: Grant, reason: string): Grant => ({ ...grant, spec: { ...grant.spec, reason } });
const reasonOf = (line: GrantWatchLine): string => (line as GrantView).reason;

describe("following grants", () => {
  it("begins with what is there, says when that is all, and goes on with what changes", async () => {
    const services = testServices([...reviewedObjects, adasGrant()]);
    const watch = follow(services);

    const first = await watch.hear();
    const all = await watch.hear();
    services.source.put(withReason(adasGrant(), "OPS-2"));

    expect([(first as GrantView).grantID, all]).toEqual([adasGrantID, {}]);
    expect(reasonOf(await watch.hear())).toBe("OPS-2");
  });

  it("misses nothing that changes while it is told the beginning", async () => {
    const services = testServices([...reviewedObjects, adasGrant()]);
    const watch = follow(services);
    await watch.hear();

    services.source.put(withReason(adasGrant(), "OPS-2"));

    expect([await watch.hear(), reasonOf(await watch.hear())]).toEqual([{}, "OPS-2"]);
  });

  it("tells a slow reader the newest only, however often a grant changed", async () => {
    const services = testServices([...reviewedObjects, adasGrant()]);
    const watch = follow(services);
    await watch.hear();
    await watch.hear();

    for (let n = 0; n < 1_000; n += 1) {
      services.source.put(withReason(adasGrant(), `OPS-${n}`));
    }
    services.source.put({ ...waitingGrant({ name: "next" }, second), spec: { ...adasGrant().spec, reason: "last" } });

    expect([reasonOf(await watch.hear()), reasonOf(await watch.hear())]).toEqual(["OPS-999", "last"]);
  });

  it("says nothing of a change that does not show", async () => {
    const services = testServices([...reviewedObjects, adasGrant()]);
    const watch = follow(services);
    await watch.hear();
    await watch.hear();

    services.source.put({ ...adasGrant(), metadata: { ...adasGrant().metadata, labels: { team: "a" } } });
    services.source.put(withReason(adasGrant(), "OPS-2"));

    expect(reasonOf(await watch.hear())).toBe("OPS-2");
  });

  it("shows nobody another's grant, at the beginning or later", async () => {
    const services = testServices([...reviewedObjects, adasGrant()]);
    const watch = follow(services, "grace");

    expect(await watch.hear()).toEqual({});
    services.source.put(withReason(adasGrant(), "OPS-2"));
    services.source.put({
      ...adasGrant(),
      metadata: { ...adasGrant().metadata, name: "own" },
      spec: { ...adasGrant().spec, principal: { name: "grace" }, reason: "mine" },
      status: { ...adasGrant().status, grantID: second, principal: { userID: "u-grace", userName: "grace" } },
    } as Grant);

    expect(reasonOf(await watch.hear())).toBe("mine");
  });

  it("says when a grant is gone", async () => {
    const services = testServices([...reviewedObjects, adasGrant()]);
    const watch = follow(services);
    await watch.hear();
    await watch.hear();

    services.source.remove(keyOf(adasGrant()), "2026-01-01T00:00:00Z");
    await services.source.release(adasGrant());
    services.source.put(aWorkflowLike());

    expect(await watch.hear()).toEqual({ grantID: adasGrantID, gone: true } satisfies GrantGone);
  });

  it("tells reviewers of a new request at once, and of what became of it", async () => {
    const services = testServices(reviewedObjects);
    const watch = follow(services, "rob", { groups: ["leads"] });
    await watch.hear();

    services.source.put(waitingGrant());
    const asked = (await watch.hear()) as GrantView;
    services.source.put(adasGrant());

    expect([asked.actions, ((await watch.hear()) as GrantView).state]).toEqual([["approve", "deny"], "Active"]);
  });

  it("ends when its reader goes, and hears nothing more", async () => {
    const services = testServices([...reviewedObjects, adasGrant()]);
    const watch = follow(services);
    await watch.hear();
    await watch.hear();
    const over = watch.over();

    watch.stop();

    expect(await over).toBe(true);
  });
});

/** Any change of a workflow makes its namespace's grants be looked at. */
function aWorkflowLike() {
  const [workflow] = reviewedObjects.filter(({ kind }) => kind === "AccessWorkflow");
  return workflow as NonNullable<typeof workflow>;
}

describe("the route", () => {
  const path = `/v1/grants/${adasGrantID}/watch`;

  it("beats in every silence", async () => {
    const stand = apiStand([...reviewedObjects, adasGrant()]);
    const answer = await stand.ask(path, "ada");
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();

    // Lines that are there together come in one piece.
    const [view, all] = ((await reader?.read())?.value ?? "").split("\n");
    const beat = reader?.read();
    await settle();
    stand.services.clock.advance(heartbeatPeriodMs);

    expect(JSON.parse(view ?? "")).toMatchObject({ grantID: adasGrantID });
    expect([all, (await beat)?.value]).toEqual(["{}", "{}\n"]);
    await reader?.cancel();
  });

  it("has so many streams for one person and for all, and a place again when one goes", async () => {
    const stand = apiStand([...reviewedObjects, adasGrant()]);
    const own = await Promise.all(Array.from({ length: watchesOfPersonMax }, () => stand.ask(path, "ada")));

    const tooMany = await stand.ask(path, "ada");
    await own[0]?.body?.cancel();
    const again = await stand.ask(path, "ada");
    const others = Array.from({ length: watchesMax - watchesOfPersonMax }, (_, index) =>
      stand.ask("/v1/grants/watch", `person${index}`),
    );
    await Promise.all(others);

    expect([tooMany.status, await codeOf(tooMany), again.status]).toEqual([503, "TooManyWatches", 200]);
    expect((await stand.ask("/v1/grants/watch", "grace")).status).toBe(503);
  });
});
