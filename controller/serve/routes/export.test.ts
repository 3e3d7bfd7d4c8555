import { describe, expect, it } from "vitest";
import type { MemoryTrail } from "#audit/event/memory-trail.ts";
import { adasGrant, adasGrantID, type ApiStand, apiStand, codeOf, reviewedObjects } from "#test/serve/api-stand.ts";
import { aDatabase } from "../../reconcile/testing.ts";

const everything = "/v1/audit/export";
const ofGrant = `${everything}?grantID=${adasGrantID}`;

function start(): ApiStand {
  return apiStand([...reviewedObjects, adasGrant()]);
}

/** What is said of a refusal. */
async function hint(stand: ApiStand, path: string, who: string): Promise<{ why: string; next: string }> {
  const { error } = (await (await stand.ask(path, who)).json()) as { error: { why: string; next: string } };
  return { why: error.why, next: error.next };
}

async function refusal(stand: ApiStand, path: string, who: string): Promise<string> {
  const answer = await stand.ask(path, who);
  return answer.ok ? "" : codeOf(answer);
}

describe("an export", () => {
  it("is for auditors: an administrator takes nothing out, not even of their own grant", async () => {
    const roots = adasGrant({ principal: { userID: "u-root", userName: "root" } });
    const stand = apiStand([...reviewedObjects, roots]);

    expect(await refusal(stand, everything, "root")).toBe("ExportNotShown");
    expect(await refusal(stand, ofGrant, "root")).toBe("ExportNotShown");
    expect(await refusal(stand, ofGrant, "margaret")).toBe("");
  });

  it("of everything takes a right to everything; single grants can still be taken out", async () => {
    const stand = start();
    stand.services.source.put(aDatabase({ metadata: { name: "vault" }, spec: { audit: { viewers: ["Principal"] } } }));

    expect(await refusal(stand, everything, "margaret")).toBe("ExportNotShown");
    expect(await refusal(stand, `${everything}?since=2026-01-01T00:00:00Z`, "margaret")).toBe("ExportNotShown");
    expect(await refusal(stand, ofGrant, "margaret")).toBe("");
  });

  it("of a grant follows the grant's Database", async () => {
    const stand = start();
    stand.services.source.put(aDatabase({ spec: { audit: { viewers: ["Principal", "Reviewer"] } } }));

    expect(await refusal(stand, ofGrant, "margaret")).toBe("ExportNotShown");
  });

  it("is refused with what keeps from this part, and what would not", async () => {
    const stand = start();
    const closed = { audit: { viewers: ["Principal" as const] } };
    stand.services.source.put(aDatabase({ spec: closed }));
    const gone = `${everything}?grantID=g${"7".repeat(26)}`;
    const policy = "et the Database's spec.audit.viewers name Auditor.";

    expect(await hint(stand, everything, "margaret")).toEqual({
      why: "these databases do not show their statements to auditors: default/orders",
      next: `Export single grants that you may see, with --grant; or l${policy}`,
    });
    expect(await hint(stand, ofGrant, "margaret")).toEqual({
      why: "the grant's database, default/orders, does not show its statements to auditors",
      next: `L${policy}`,
    });
    expect(await hint(stand, gone, "margaret")).toEqual({
      why: "whose database it was is not known any more, and these databases do not show their statements to auditors: default/orders",
      next: `L${policy}`,
    });
    expect(await hint(stand, ofGrant, "root")).toEqual({
      why: "exports are for auditors: neither being an administrator nor having reviewed a grant makes one",
      next: "Ask a member of the auditor group. What you may see yourself is shown by: sallyport audit search",
    });
  });

  it("is on record with what was taken out, and is not given where it cannot be", async () => {
    const stand = start();
    const trail = stand.services.trail as MemoryTrail;

    await (await stand.ask(`${everything}?since=2026-01-01T00:00:00Z`, "margaret")).text();
    expect(trail.events).toMatchObject([
      {
        event: "audit.exported",
        actor: { kind: "User", name: "margaret" },
        detail: { scope: "range", from: "2026-01-01T00:00:00Z" },
      },
    ]);

    Object.assign(stand.services, { trail: { record: () => Promise.reject(new Error("the store is away")) } });
    expect(await refusal(stand, everything, "margaret")).toBe("ExportNotRecorded");
  });

  it.each([
    [`${ofGrant}&since=2026-01-01T00:00:00Z`, "query.grantID: a grant's records are exported whole, without a time"],
    [`${everything}?until=2026-02-31T00:00:00Z`, "query.until: is no instant"],
    [`${everything}?since=2026-13-01T00:00:00Z`, "query.since: is no instant"],
    [`${everything}?since=2026-01-01T25:00:00Z`, "query.since: is no instant"],
  ])("says what is wrong with %s", async (path, message) => {
    const answer = await start().ask(path, "margaret");

    expect([answer.status, await answer.json()]).toMatchObject([400, { error: { code: "InvalidInput", message } }]);
  });
});
