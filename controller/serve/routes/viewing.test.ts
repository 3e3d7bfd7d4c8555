import { describe, expect, it } from "vitest";
import type { MemoryTrail } from "#audit/event/memory-trail.ts";
import type { SessionView, StatementList } from "#wire/control-api.ts";
import {
  adasGrant,
  adasGrantID,
  type ApiStand,
  apiStand,
  aSession,
  auditOf,
  codeOf,
  reviewedObjects,
} from "#test/serve/api-stand.ts";
import { aDatabase } from "../../reconcile/testing.ts";
import { statisticsAtOnceMax } from "./audit.ts";

const graces = aSession({ session: "s2", grantID: "gaaaaaaaaaaaaaaaaaaaaaaaaaa", userName: "grace" });
const secret = aSession({
  session: "s3",
  grantID: "gbbbbbbbbbbbbbbbbbbbbbbbbbb",
  userName: "grace",
  database: "vault",
});

function start(sessions: readonly SessionView[] = [aSession(), graces, secret]): ApiStand {
  const vault = aDatabase({ metadata: { name: "vault" }, spec: { audit: { viewers: ["Principal"] } } });
  return apiStand([...reviewedObjects, vault, adasGrant()], () => ({ audit: auditOf(sessions) }));
}
const trailOf = ({ services }: ApiStand): MemoryTrail => services.trail as MemoryTrail;
const statements = `/v1/audit/statements`;
const ofGrant = `${statements}?grantID=${adasGrantID}`;

async function found(stand: ApiStand, who: string, path = statements): Promise<string[]> {
  const { items } = (await (await stand.ask(path, who)).json()) as StatementList;
  return items.map(({ session }) => session);
}

describe("a search over all grants", () => {
  it("shows each only what they may see, and nobody that there is more", async () => {
    const stand = start();

    expect({
      ada: await found(stand, "ada"),
      grace: await found(stand, "grace"),
      rob: await found(stand, "rob"),
      rita: await found(stand, "rita"),
      margaret: await found(stand, "margaret"),
      root: await found(stand, "root"),
    }).toEqual({ ada: ["s1"], grace: ["s2", "s3"], rob: ["s1"], rita: [], margaret: ["s1", "s2"], root: [] });
  });

  it("for another's grant is as empty as one for a grant that is not there", async () => {
    const stand = start();
    const answer = async (grantID: string) => (await stand.ask(`${statements}?grantID=${grantID}`, "grace")).json();

    expect(await answer(adasGrantID)).toEqual(await answer("gcccccccccccccccccccccccccc"));
    expect(await found(stand, "grace", `${statements}?session=s1`)).toEqual([]);
  });

  it("follows the Database at once", async () => {
    const stand = start();

    stand.services.source.put(aDatabase({ spec: { audit: { viewers: ["Auditor"] } } }));

    expect([await found(stand, "ada"), await found(stand, "rob"), await found(stand, "margaret")]).toEqual([
      [],
      [],
      ["s1", "s2"],
    ]);
  });
});

describe("a look at statements", () => {
  it("is on record once for each caller, grant and token, with whose they are", async () => {
    const stand = start();
    const token = stand.tokenOf("margaret");

    await stand.ask(ofGrant, "margaret", { token });
    await stand.ask(`${ofGrant}&text=x`, "margaret", { token });
    await (await stand.ask(`/v1/audit/tail?grantID=${adasGrantID}`, "margaret", { token })).text();
    await stand.ask(`${statements}?session=s1`, "margaret", { token });
    await stand.ask(ofGrant, "margaret");

    const event = {
      event: "statements.viewed",
      actor: { kind: "User", name: "margaret" },
      grantID: adasGrantID,
      grant: "default/ada-orders",
      userName: "ada",
      database: "default/orders",
      role: "read_only",
      detail: { what: "statements" },
    };
    expect(trailOf(stand).events).toEqual([event, event]);
  });

  it("is on record though many came at the same moment, once", async () => {
    const stand = start();
    const token = stand.tokenOf("ada");

    await Promise.all([1, 2, 3].map(() => stand.ask(ofGrant, "ada", { token })));

    expect(trailOf(stand).events.length).toBe(1);
  });

  it("over many grants is on record with what was searched for", async () => {
    const stand = start();

    await stand.ask(`${statements}?text=salary&database=orders`, "margaret");

    expect(trailOf(stand).events.map(({ detail }) => detail)).toEqual([
      { what: "statements", filter: '{"database":"orders","text":"salary"}' },
    ]);
  });

  it.each([
    ofGrant,
    statements,
    `/v1/audit/tail?grantID=${adasGrantID}`,
    `/v1/audit/statistics?grantID=${adasGrantID}`,
    "/v1/audit/texts/s1/1",
  ])("at %s is refused when it cannot be recorded, and allowed when it can again", async (path) => {
    const stand = start();
    const token = stand.tokenOf("margaret");
    trailOf(stand).failure = new Error("the disk is full");

    const refused = await stand.ask(path, "margaret", { token });
    const text = await refused.clone().text();
    trailOf(stand).failure = undefined;

    expect([refused.status, await codeOf(refused)]).toEqual([503, "ViewingNotRecorded"]);
    expect(text).not.toContain("select 1");
    const allowed = await stand.ask(path, "margaret", { token });
    await allowed.text();
    expect([allowed.status, trailOf(stand).events.length]).toEqual([200, 1]);
  });

  it("that was refused or found nothing to be theirs is not on record", async () => {
    const stand = start();

    expect(await codeOf(await stand.ask(ofGrant, "root"))).toBe("StatementsNotShown");
    await stand.ask(ofGrant, "grace");
    await stand.ask("/v1/audit/texts/s1/1", "grace");

    expect(trailOf(stand).events).toEqual([]);
  });
});

describe("a list of sessions", () => {
  it("shows auditors those whose statements they may see, and administrators all, since they may end any", async () => {
    const stand = start();

    expect({
      margaret: await found(stand, "margaret", "/v1/sessions"),
      root: await found(stand, "root", "/v1/sessions"),
      rob: await found(stand, "rob", "/v1/sessions"),
    }).toEqual({ margaret: ["s1", "s2"], root: ["s1", "s2", "s3"], rob: ["s1"] });
  });
});

describe("the end of one session", () => {
  const kill = { method: "POST", body: { reason: "it holds a lock" } } as const;

  function killing(outcome: string) {
    const asked: unknown[] = [];
    const stand = start([aSession(), aSession({ session: "over", endTime: "2026-01-01T00:01:00Z" }), graces]);
    const killSession = async (grant: { readonly status?: { readonly grantID?: string } }, ...rest: unknown[]) => {
      asked.push([grant.status?.grantID, ...rest]);
      return outcome as "gone";
    };
    Object.assign(stand.services, { killSession });
    return { stand, asked };
  }

  it("is asked of the proxy with the reason and who wants it, and is on record", async () => {
    const { stand, asked } = killing("gone");

    const answer = await stand.ask("/v1/sessions/s1/kill", "root", kill);

    expect(await answer.json()).toEqual({ session: "s1", backend: "gone" });
    expect(asked).toEqual([[adasGrantID, "s1", "root ended this session: it holds a lock"]]);
    expect(trailOf(stand).events).toEqual([
      expect.objectContaining({
        event: "session.killed",
        actor: { kind: "User", name: "root" },
        grantID: adasGrantID,
        session: "s1",
        detail: { reason: "it holds a lock", outcome: "gone" },
      }),
    ]);
  });

  it.each([
    ["unknown-session", 409, "SessionOver"],
    ["no-answer", 503, "ProxyDoesNotAnswer"],
  ])("that the proxy answers with %s is told as it is", async (outcome, status, code) => {
    const { stand } = killing(outcome);

    const answer = await stand.ask("/v1/sessions/s1/kill", "ada", kill);

    expect([answer.status, await codeOf(answer)]).toEqual([status, code]);
  });

  it("that is over already is not asked for", async () => {
    const { stand, asked } = killing("gone");

    expect(await codeOf(await stand.ask("/v1/sessions/over/kill", "ada", kill))).toBe("SessionOver");
    expect(asked).toEqual([]);
  });

  it.each(["s2", "none"])("%s, which is not theirs, is not there for others", async (session) => {
    const { stand, asked } = killing("gone");

    const answer = await stand.ask(`/v1/sessions/${session}/kill`, "ada", kill);

    expect([answer.status, await codeOf(answer)]).toEqual([404, "SessionNotFound"]);
    expect(asked).toEqual([]);
  });

  it("does not wait for its record", async () => {
    const { stand, asked } = killing("gone");
    trailOf(stand).failure = new Error("the disk is full");

    expect((await stand.ask("/v1/sessions/s1/kill", "ada", kill)).status).toBe(200);
    expect(asked.length).toBe(1);
  });
});

describe("statistics", () => {
  const path = "/v1/audit/statistics";

  it.each([
    "since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z",
    "since=2025-01-01T00:00:00Z&until=2026-01-01T00:00:00Z",
    "until=2026-02-31T00:00:00Z&since=2026-13-01T00:00:00Z",
    "buckets=0",
    "buckets=1001",
  ])("of %s are refused", async (query) => {
    const answer = await start().ask(`${path}?${query}`, "margaret");

    expect([answer.status, await codeOf(answer)]).toEqual([400, "InvalidInput"]);
  });

  it("are those of the last hour, in as many steps as are asked for", async () => {
    const answer = await (await start().ask(`${path}?buckets=30`, "margaret")).json();

    expect(answer).toMatchObject({ since: "2025-12-31T23:00:00.000Z", bucketSeconds: 120 });
  });

  it("are made for so many at once", async () => {
    const stand = start();
    const gate = Promise.withResolvers<void>();
    const since = "2026-01-01T00:00:00.000Z";
    Object.assign(stand.services.audit, {
      statistics: async () =>
        gate.promise.then(() => ({ since, bucketSeconds: 1, buckets: [], slowest: [], errors: [] })),
    });
    const running = Array.from({ length: statisticsAtOnceMax }, () => stand.ask(path, "margaret"));
    await new Promise((resolve) => setImmediate(resolve));

    const refused = await stand.ask(path, "margaret");
    gate.resolve();
    await Promise.all(running);

    expect([refused.status, await codeOf(refused)]).toEqual([503, "TooManyStatistics"]);
    expect((await stand.ask(path, "margaret")).status).toBe(200);
  });
});
