import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Grant, GrantStatus } from "#kinds/index.ts";
import { applyPatch } from "../status/patch.ts";
import { aDatabase, aGrant, aProxy, aWorkflow, uidOf } from "../testing.ts";
import { decideGrant } from "./decide.ts";
import { linkGrantOf } from "./link-grant.ts";
import { phaseOf } from "./phase.ts";
import { ada, anInput, approvedStatus, at, healthy, kindsOf, liveStatus, noon, ownSet, seen, set } from "./testing.ts";
import type { GrantInput } from "./types.ts";
import { currentExpiry } from "./window.ts";

const creating = new Set([
  "CreatePermissionSet",
  "PutInlinePolicy",
  "CreateAssignment",
  "Provision",
  "Activate",
  "MoveExpiry",
  "ReadRole",
]);
const operations = ["CreateAssignment", "DeleteAssignment", "Provision"] as const;
const end = { reason: "Revoked", message: "", time: at(10) };

const maybe = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });
const statuses: fc.Arbitrary<GrantStatus | undefined> = fc
  .record({
    base: fc.constantFrom<GrantStatus | undefined>(undefined, seen, approvedStatus(), liveStatus()),
    ended: fc.boolean(),
    deprovisioned: fc.boolean(),
    operation: maybe(fc.constantFrom(...operations)),
    endRequest: maybe(fc.constant({ reason: "r", by: "grace", time: at(5) })),
  })
  .map(({ base, ended, deprovisioned, operation, endRequest }) => {
    if (base?.external === undefined) {
      return base;
    }
    return {
      ...base,
      ...(endRequest === undefined ? {} : { endRequest }),
      ...(operation === undefined
        ? {}
        : { external: { ...base.external, operation: { kind: operation, requestID: "r", startTime: at(0) } } }),
      ...(ended ? { end, endTime: end.time } : {}),
      ...(ended && deprovisioned ? { deprovisionTime: at(11) } : {}),
    };
  });

const grants: fc.Arbitrary<Grant> = fc
  .record({
    status: statuses,
    revocation: maybe(fc.constant({ reason: "r" })),
    suspend: maybe(fc.boolean()),
    extensionCount: maybe(fc.nat(3)),
    durationSeconds: fc.constantFrom(60, 1_800, 3_600, 7_200, 9_000),
    notAfterTime: fc.constantFrom(at(-5), at(30), at(700)),
    startTime: maybe(fc.constantFrom(at(-30), at(20))),
    deletionTimestamp: maybe(fc.constant(at(0))),
  })
  .map(({ status, deletionTimestamp, durationSeconds, notAfterTime, ...optional }) => {
    const given = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined));
    return aGrant({
      metadata: deletionTimestamp === undefined ? {} : { deletionTimestamp },
      spec: { durationSeconds, notAfterTime, ...given },
      ...(status === undefined ? {} : { status }),
    });
  });

const inputs: fc.Arbitrary<GrantInput> = fc
  .record({
    grant: grants,
    minutes: fc.integer({ min: -10, max: 800 }),
    database: maybe(fc.constantFrom(aDatabase(), aDatabase({ spec: { databaseName: "other" } }))),
    proxy: maybe(fc.constantFrom(aProxy(), aProxy({ spec: { driftPolicy: "Report" } }))),
    workflow: fc.constantFrom(aWorkflow(), aWorkflow({ spec: { extension: { maxCount: 1 } } })),
    user: maybe(fc.constantFrom(ada, { ...ada, status: "DISABLED" as const })),
    aws: maybe(
      fc.record({
        set: maybe(fc.constantFrom(ownSet(), { ...ownSet(), tags: {} })),
        assigned: fc.boolean(),
        policy: maybe(fc.constant("{}")),
      }),
    ),
    tombstoneUID: maybe(fc.constantFrom(uidOf(1), uidOf(2))),
  })
  .map(({ grant, minutes, database, proxy, workflow, user, aws, tombstoneUID }) =>
    anInput({
      grant,
      now: noon + minutes * 60_000,
      database,
      proxy,
      workflows: [workflow],
      person: { user, groups: ["developers"] },
      tombstone:
        tombstoneUID === undefined
          ? undefined
          : { namespace: "default", name: "ada-orders", uid: tombstoneUID, specDigest: "", notAfterTime: at(700) },
      ...(aws === undefined ? {} : { aws: healthy({ ...aws, assigned: aws.set !== undefined && aws.assigned }) }),
    }),
  );

/** The Grant with the decision's patch written. */
function written({ grant }: GrantInput, { patch }: ReturnType<typeof decideGrant>): Grant {
  return { ...grant, status: applyPatch(grant.status ?? {}, patch) };
}

describe("every decision about a Grant", () => {
  const check = (promise: (input: GrantInput, decision: ReturnType<typeof decideGrant>) => void): void => {
    fc.assert(
      fc.property(inputs, (input) => promise(input, decideGrant(input))),
      { numRuns: 3_000 },
    );
  };

  it("gives nothing once the Grant has ended or must end", () => {
    check((input, decision) => {
      const { metadata, spec, status } = input.grant;
      const mustEnd =
        status?.end !== undefined ||
        spec.revocation !== undefined ||
        metadata.deletionTimestamp !== undefined ||
        input.now >= Date.parse(spec.notAfterTime) ||
        input.now >= (currentExpiry(input.grant) ?? Infinity);

      if (mustEnd) {
        expect(kindsOf(decision).filter((kind) => creating.has(kind))).toEqual([]);
      }
    });
  });

  it("never says Active=True at or after the end of the window, unless it is being taken away", () => {
    check((input, decision) => {
      const expiry = Math.min(currentExpiry(input.grant) ?? -Infinity, Date.parse(input.grant.spec.notAfterTime));

      if (set(decision, "Active")?.startsWith("True") === true) {
        expect(input.now).toBeLessThan(expiry);
        expect(phaseOf(input.grant)).toBe("Live");
      }
    });
  });

  it("takes away what may exist as soon as the end is on record", () => {
    check((input, decision) => {
      const grant = written(input, decision);
      if (phaseOf(grant) !== "Revoking") {
        return;
      }

      const next = phaseOf(input.grant) === "Revoking" ? decision : decideGrant({ ...input, grant });
      const isOnRecord = grant.status?.external?.permissionSetARN !== undefined;
      const isTagged = Object.keys(input.aws?.set?.tags ?? {}).length > 0;
      const mayExist = input.aws === undefined ? isOnRecord : input.aws.assigned && (isOnRecord || isTagged);
      const inFlight = grant.status?.external?.operation;

      if (mayExist && inFlight?.kind !== "DeleteAssignment") {
        expect(kindsOf(next)).toContain("DeleteAssignment");
      }
      expect(next.next.kind).not.toBe("settled");
    });
  });

  it("writes down all that revoking needs before the first step in AWS", () => {
    check((input, decision) => {
      const status = written(input, decision).status;

      if (
        kindsOf(decision).some(
          (kind) => kind !== "PutTombstone" && kind !== "Release" && kind !== "RecordDeprovisioned",
        )
      ) {
        expect(status?.external?.principalID).toBe(ada.userID);
        expect(status?.principal).toBeDefined();
        expect(status?.target).toBeDefined();
      }
    });
  });

  it("never undoes an end, and never moves the start of the window", () => {
    check((input, decision) => {
      const before = input.grant.status;
      const after = written(input, decision).status;

      if (before?.end !== undefined) {
        expect(after?.end).toEqual(before.end);
      }
      if (before?.activationTime !== undefined) {
        expect(after?.activationTime).toBe(before.activationTime);
      }
    });
  });

  it("deletes no permission set but the one on record, or one that it has seen to carry its own tags", () => {
    check((input, decision) => {
      if (kindsOf(decision).includes("DeletePermissionSet")) {
        const isOnRecord = input.grant.status?.external?.permissionSetARN !== undefined;
        expect(isOnRecord || input.aws?.set?.tags).toEqual(isOnRecord || ownSet().tags);
        expect(kindsOf(decision).indexOf("DeletePermissionSet")).toBeGreaterThan(
          kindsOf(decision).indexOf("AwaitOperation"),
        );
      }
    });
  });

  it("names Stalled and Reconciling never both, and looks again in time for the end", () => {
    check((input, decision) => {
      const both = set(decision, "Stalled") !== undefined && set(decision, "Reconciling") !== undefined;
      const expiry = currentExpiry(input.grant);

      expect(both).toBe(false);
      if (decision.next.kind === "waiting" && phaseOf(input.grant) === "Live" && expiry !== undefined) {
        expect(decision.next.untilMs).toBeLessThanOrEqual(expiry);
      }
    });
  });

  it("is what the proxies are told: a grant is live there only inside its window and before any end", () => {
    check((input) => {
      const link = linkGrantOf(input.grant, input.database, input.now);

      if (link?.state === "live") {
        expect(link.remainingMs).toBeGreaterThan(0);
        expect(input.now + link.remainingMs).toBeLessThanOrEqual(Date.parse(input.grant.spec.notAfterTime));
        expect(input.grant.status?.end).toBeUndefined();
        expect(input.grant.spec.revocation).toBeUndefined();
        expect(input.grant.metadata.deletionTimestamp).toBeUndefined();
      }
    });
  });
});
