import { expect, it } from "vitest";
import { aDatabase, aGrant, anAvailability, aWorkflow } from "../testing.ts";
import { decideAvailability } from "./decide.ts";

type Input = Parameters<typeof decideAvailability>[0];
const decide = (more: Partial<Input> = {}) =>
  decideAvailability({
    availability: anAvailability(),
    workflow: aWorkflow(),
    databases: [aDatabase()],
    grants: [],
    ...more,
  });
const ready = (decision: ReturnType<typeof decide>) => {
  const found = decision.conditions.find(({ type }) => type === "Ready");
  return `${found?.status} ${found?.reason}`;
};
const { databaseRefs: _refs, ...spec } = anAvailability().spec;
const byLabel = { ...anAvailability(), spec: { ...spec, databaseSelector: { matchLabels: { tier: "prod" } } } };

it.each<[string, Partial<Input>, string]>([
  ["Offered", {}, "True Offered"],
  ["a missing workflow", { workflow: undefined }, "False ReferenceNotFound"],
  ["a missing Database", { databases: [] }, "False ReferenceNotFound"],
  ["labels that nothing carries", { availability: byLabel }, "False NoDatabasesMatched"],
  [
    "a role that no Database has",
    { availability: anAvailability({ spec: { roleNames: ["x"] } }) },
    "False RoleNotFound",
  ],
  ["suspension", { availability: anAvailability({ spec: { suspend: true } }) }, "False Suspended"],
])("shows %s", (_title, more, expected) => {
  expect(ready(decide(more))).toBe(expected);
});

it("counts databases that match and access that is live through it", () => {
  const active = { type: "Active", status: "True" as const, reason: "", message: "", lastTransitionTime: "" };
  const live = (name: string) => aGrant({ status: { availability: { name }, conditions: [active] } });
  const over = aGrant({
    status: { availability: { name: "developers" }, conditions: [{ ...active, status: "False" }] },
  });

  expect(decide({ grants: [live("developers"), live("others"), over] }).patch).toMatchObject({
    matchedDatabases: 1,
    activeGrants: 1,
  });
});
