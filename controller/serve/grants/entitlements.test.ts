import { describe, expect, it } from "vitest";
import { caller } from "#test/serve/services.ts";
import { aDatabase, aGrant, anAvailability, aProxy, aWorkflow, memorySource } from "../../reconcile/testing.ts";
import { entitlementsOf } from "./entitlements.ts";

const ada = caller("ada");
const base = [aProxy(), aDatabase(), aWorkflow(), anAvailability()];

describe("what a person may ask for", () => {
  it("is each role of each database that an availability offers them, with its rules", () => {
    expect(entitlementsOf(memorySource(base), ada, undefined)).toEqual([
      {
        namespace: "default",
        database: "orders",
        role: "read_only",
        engine: "PostgreSQL",
        databaseName: "orders",
        username: "read_only",
        workflow: "auto",
        needsApproval: false,
        breakGlass: false,
        reason: "Optional",
        maxDurationSeconds: 7_200,
        defaultDurationSeconds: 7_200,
      },
    ]);
  });

  it("says what the workflow demands, and the port that the database suggests", () => {
    const roles = [{ name: "read_only", username: "ro", credentials: { iam: {} }, localPort: 15_432 }];
    const workflow = {
      maxDurationSeconds: 600,
      defaultDurationSeconds: 300,
      reasonPolicy: { requirement: "Required" },
      approvalSteps: [{ name: "lead", approvers: [{ kind: "Group", name: "leads" }] }],
    };
    const objects = [
      aDatabase({ spec: { roles: roles as never } }),
      aWorkflow({ spec: workflow as never }),
      anAvailability(),
    ];

    expect(entitlementsOf(memorySource(objects), ada, undefined)).toMatchObject([
      { needsApproval: true, reason: "Required", defaultDurationSeconds: 300, localPort: 15_432, username: "ro" },
    ]);
  });

  it("comes with the person's own open grant, and with nobody else's", () => {
    const mine = aGrant({ status: { grantID: "g1", conditions: [] } as never });
    const hers = aGrant({ metadata: { name: "grace-orders" }, spec: { principal: { name: "grace" } } });
    const elsewhere = aGrant({ metadata: { name: "x", namespace: "staging" } });

    const [own] = entitlementsOf(memorySource([...base, hers, mine]), ada, undefined);
    const [none] = entitlementsOf(memorySource([...base, hers, elsewhere]), ada, undefined);

    expect(own?.grant?.grantID).toBe("g1");
    expect(none).not.toHaveProperty("grant");
  });

  it("is told of every namespace, or of one", () => {
    const staging = base.map((object) => ({
      ...object,
      metadata: { ...object.metadata, namespace: "staging", uid: `s-${object.metadata.uid}` },
    }));
    const source = memorySource([...staging, ...base] as never);
    const namespaces = (namespace?: string): string[] =>
      entitlementsOf(source, ada, namespace).map((entry) => entry.namespace);

    expect(namespaces()).toEqual(["default", "staging"]);
    expect(namespaces("staging")).toEqual(["staging"]);
    expect(namespaces("none")).toEqual([]);
  });

  it("is nothing for somebody whom no availability names, and policy of one namespace counts there only", () => {
    const apart = [aDatabase(), aWorkflow(), anAvailability({ metadata: { namespace: "staging" } })];

    expect(entitlementsOf(memorySource(base), caller("eve", { groups: [] }), undefined)).toEqual([]);
    expect(entitlementsOf(memorySource(apart), ada, undefined)).toEqual([]);
  });
});
