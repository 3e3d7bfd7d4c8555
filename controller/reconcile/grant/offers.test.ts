import { describe, expect, it } from "vitest";
import { aDatabase, anAvailability, aWorkflow } from "../testing.ts";
import { offersFor, resolveOffer, type PolicyObjects } from "./offers.ts";

const developer = { userName: "ada", groups: ["developers"] };
const request = { databaseRef: { name: "orders" }, roleName: "read_only" };
const workflow = (name: string, spec: Partial<ReturnType<typeof aWorkflow>["spec"]>) =>
  aWorkflow({ metadata: { name }, spec });
const through = (name: string, workflowName: string, spec: Partial<ReturnType<typeof anAvailability>["spec"]> = {}) =>
  anAvailability({ metadata: { name }, spec: { workflowRef: { name: workflowName }, ...spec } });
const objects = (more: Partial<PolicyObjects> = {}): PolicyObjects => ({
  availabilities: [anAvailability()],
  workflows: [aWorkflow()],
  databases: [aDatabase()],
  ...more,
});
const steps = [{ name: "lead", approvers: [{ kind: "User" as const, name: "grace" }] }];

function chosen(more: Partial<PolicyObjects>): string {
  const offer = resolveOffer(developer, request, objects(more));
  return offer.kind === "chosen" ? `${offer.availability.metadata.name} ${offer.workflow.metadata.name}` : offer.kind;
}

describe("of several availabilities", () => {
  const availabilities = [through("a", "one"), through("b", "two")];

  it("the highest workflow priority wins, even over a stricter one", () => {
    const workflows = [workflow("one", { priority: 1 }), workflow("two", { approvalSteps: steps })];

    expect(chosen({ availabilities, workflows })).toBe("a one");
  });

  it("ties choose the one that needs approval, then the shorter", () => {
    expect(
      chosen({ availabilities, workflows: [workflow("one", {}), workflow("two", { approvalSteps: steps })] }),
    ).toBe("b two");
    expect(
      chosen({ availabilities, workflows: [workflow("one", {}), workflow("two", { maxDurationSeconds: 60 })] }),
    ).toBe("b two");
  });

  it("the order of files decides nothing", () => {
    const workflows = [workflow("one", {}), workflow("two", {})];

    expect(chosen({ availabilities, workflows })).toBe(
      chosen({ availabilities: availabilities.toReversed(), workflows }),
    );
  });

  it("none is chosen while the workflow of one is missing, since that one might be the stricter", () => {
    expect(chosen({ availabilities, workflows: [workflow("one", {})] })).toBe("missingWorkflow");
  });
});

describe("an availability", () => {
  it("covers databases by label", () => {
    const labelled = aDatabase({ metadata: { labels: { tier: "prod" } } });
    const { databaseRefs: _, ...spec } = anAvailability().spec;
    const bySelector = { ...anAvailability(), spec: { ...spec, databaseSelector: { matchLabels: { tier: "prod" } } } };

    expect(chosen({ availabilities: [bySelector], databases: [labelled] })).toBe("developers auto");
    expect(chosen({ availabilities: [bySelector] })).toBe("notAvailable");
  });

  it("names users and groups without regard to case, as the identity store does", () => {
    const subjects = [{ kind: "User" as const, name: "ADA" }];

    expect(chosen({ availabilities: [anAvailability({ spec: { subjects } })] })).toBe("developers auto");
  });

  it("that is pinned is the only one looked at", () => {
    const availabilities = [through("a", "auto"), through("b", "auto", { roleNames: ["app_owner"] })];
    const pin = (name: string) =>
      resolveOffer(developer, { ...request, availabilityRef: { name } }, objects({ availabilities }));

    expect(pin("a").kind).toBe("chosen");
    expect(pin("b").kind).toBe("notAvailable");
    expect(pin("c")).toMatchObject({ kind: "notAvailable", message: expect.stringContaining("no Availability c") });
  });
});

describe("what somebody may ask for", () => {
  it("names each role once, under the workflow that would apply", () => {
    const availabilities = [through("a", "one"), through("b", "two")];
    const workflows = [workflow("one", {}), workflow("two", { priority: 5 })];

    const offers = offersFor(developer, objects({ availabilities, workflows }));

    expect(offers.map((offer) => [offer.roleName, offer.workflow.metadata.name])).toEqual([["read_only", "two"]]);
  });

  it("is nothing for others, and nothing of what is suspended", () => {
    expect(offersFor({ userName: "eve", groups: [] }, objects())).toEqual([]);
    expect(offersFor(developer, objects({ availabilities: [anAvailability({ spec: { suspend: true } })] }))).toEqual(
      [],
    );
  });
});
