import { expect, it } from "vitest";
import type { RunnerStatus } from "#audit/sinks/runner.ts";
import { sinkProblems } from "./problems.ts";

const well: RunnerStatus = { name: "s3://audit", position: 3, behind: 0, behindMs: 0, lost: 0 };
const failing = (kind: "refused" | "unreachable"): RunnerStatus => ({
  ...well,
  behind: 9,
  failure: { kind, message: "NoSuchBucket", sinceMs: 0, tries: 2 },
});

it("tells people of a refusal at once, of what may pass after five minutes, and of nothing that goes well", () => {
  expect(sinkProblems([well, failing("unreachable")], 299_999)).toEqual([]);
  expect(sinkProblems([failing("refused"), failing("unreachable")], 1_000)).toEqual([
    "audit sink s3://audit has taken nothing since 1970-01-01T00:00:00.000Z, 9 records wait for it: NoSuchBucket",
  ]);
  expect(sinkProblems([failing("unreachable")], 300_000)).toHaveLength(1);
  expect(sinkProblems([{ ...failing("refused"), name: "s3://audit#heads" }], 0)[0]).toContain("9 signed heads wait");
});

it("tells people of records that a sink never got", () => {
  expect(sinkProblems([{ ...well, lost: 4 }], 0)).toEqual([
    "audit sink s3://audit never got 4 records, which retention removed before",
  ]);
});
