import { describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { MetricRegistry } from "#lib/metrics/registry.ts";
import type { GrantStatus } from "#kinds/index.ts";
import { aGrant } from "../reconcile/testing.ts";
import { cutReportMaxMs, revocationRecorder } from "./revocation.ts";
import { valueOf } from "./testing.ts";

const end = { reason: "Expired", message: "", time: "2026-01-01T00:00:00.000Z" };
const external = {
  instanceARN: "arn:aws:sso:::instance/1",
  identityStoreID: "d-1",
  region: "eu-west-1",
  accountID: "111122223333",
  principalID: "p",
} as const;
const deleting = { kind: "DeleteAssignment", requestID: "r", startTime: end.time } as const;
const unassign = { kind: "DeleteAssignment", accountID: "111122223333", principalID: "p" } as const;

function setUp() {
  const clock = manualClock(Date.parse(end.time));
  const registry = new MetricRegistry();
  const recorder = revocationRecorder(registry, clock);
  const of = async (step: string) => ({
    count: await valueOf(registry, `sallyport_grant_revocation_lag_seconds_count{step="${step}"}`),
    sum: await valueOf(registry, `sallyport_grant_revocation_lag_seconds_sum{step="${step}"}`),
  });
  return { clock, recorder, of };
}

function ended(status: Partial<GrantStatus> = {}) {
  return aGrant({ status: { grantID: "gabc", end, external, ...status } });
}

describe("the lag of revocation", () => {
  it("is measured from the end on record to each confirmation, once for a Grant", async () => {
    const { clock, recorder, of } = setUp();
    const polled = ended({ external: { ...external, operation: deleting } });

    recorder.stepDone(ended(), unassign, { patch: { external: { ...external, operation: deleting } } });
    clock.advance(1_000);
    recorder.stepDone(polled, { kind: "AwaitOperation" }, { wait: { ms: 400, why: "" } });
    clock.advance(1_000);
    recorder.stepDone(polled, { kind: "AwaitOperation" }, { patch: { external } });
    clock.advance(1_000);
    recorder.stepDone(ended(), { kind: "DeletePermissionSet" }, {});
    recorder.stepDone(ended(), { kind: "RecordDeprovisioned" }, { patch: {} });

    expect(await of("assignment_removed")).toEqual({ count: 1, sum: 2 });
    expect(await of("permission_set_removed")).toEqual({ count: 1, sum: 3 });
  });

  it("counts an assignment as gone where there was none, and not where deleting it failed", async () => {
    const { clock, recorder, of } = setUp();
    const polled = ended({ external: { ...external, operation: deleting } });
    const failed = { patch: { external }, failed: new Error("FAILED") as never };
    clock.advance(4_000);

    recorder.stepDone(polled, { kind: "AwaitOperation" }, failed);
    expect(await of("assignment_removed")).toEqual({ count: 0, sum: 0 });
    recorder.stepDone(ended(), unassign, {});

    expect(await of("assignment_removed")).toEqual({ count: 1, sum: 4 });
  });

  it("does not take the end of another operation for the assignment's", async () => {
    const { recorder, of } = setUp();
    const creating = ended({ external: { ...external, operation: { ...deleting, kind: "CreateAssignment" } } });

    recorder.stepDone(creating, { kind: "AwaitOperation" }, { patch: { external } });

    expect(await of("assignment_removed")).toEqual({ count: 0, sum: 0 });
  });

  it("counts the cut of every task, but not what a new task says of grants that ended before it was there", async () => {
    const { clock, recorder, of } = setUp();
    clock.advance(2_000);

    recorder.proxyCut(ended(), { sessions: 0 });
    recorder.proxyCut(ended(), { sessions: 3 });
    recorder.proxyCut(undefined, { sessions: 1 });
    clock.advance(cutReportMaxMs);
    recorder.proxyCut(ended(), { sessions: 0 });

    expect(await of("proxy_cut")).toEqual({ count: 2, sum: 4 });
  });

  it("counts a cut that comes before the end is on record, from the moment at which it was asked for", async () => {
    const { clock, recorder, of } = setUp();
    const { end: _, ...status } = ended().status ?? {};
    const endRequest = { reason: "over", by: "grace", time: new Date(clock.now()).toISOString() };
    clock.advance(1_000);

    recorder.proxyCut({ ...ended(), status: { ...status, endRequest } }, { sessions: 0 });

    expect(await of("proxy_cut")).toEqual({ count: 1, sum: 1 });
  });

  it("counts a cut of sessions however late it is", async () => {
    const { clock, recorder, of } = setUp();
    clock.advance(10 * cutReportMaxMs);

    recorder.proxyCut(ended(), { sessions: 1 });

    expect(await of("proxy_cut")).toEqual({ count: 1, sum: 600 });
  });
});
