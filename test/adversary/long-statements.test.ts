import { expect, it } from "vitest";
import { PreparedHazards } from "#proxy/hazards/policy.ts";
import { postgresFindings } from "#proxy/hazards/postgres.ts";

it("as many names as a text can hold are told apart in one go", () => {
  const count = 40_000;
  const prepares = Array.from({ length: count }, (_, index) => `prepare b${index} as select`);
  const executes = Array.from({ length: count }, (_, index) => `execute a${index}`);
  const sql = Buffer.from([...prepares, ...executes].join(";"));

  const findings = postgresFindings(sql, "x", () => ({ standardStrings: true, isInFlux: false, encoding: "UTF8" }));
  // Each name compared with each would hold up every session for seconds.
  const found = new PreparedHazards().hazardsOf(findings);

  expect(findings.executes).toHaveLength(count);
  expect([...found]).toEqual(["unseen-sql"]);
});
