import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fuzzSeed } from "#test/harness/fuzz-seed.ts";
import {
  apiVersion,
  type AccessWorkflow,
  type AccessWorkflowSpecApprovalStep,
  type Database,
  type Grant,
  type GrantReview,
} from "#kinds/index.ts";
import { applyPatch } from "../status/patch.ts";
import { aDatabase, aGrant, aWorkflow } from "../testing.ts";
import type { Reviewer } from "../grant/approval.ts";
import { decideGrant } from "../grant/decide.ts";
import { anInput, noon, seen } from "../grant/testing.ts";
import { decideReview, withApproval } from "./decide.ts";

// Ada is the Grant's person, Hedy asked for it. Names are written in several cases, as people do.
const people = ["ada", "Grace", "GRACE", "alan", "hedy", "eve"] as const;
const deadlineMinutes = 60;

const approvers: AccessWorkflowSpecApprovalStep["approvers"][] = [
  [{ kind: "User", name: "grace" }],
  [{ kind: "Group", name: "leads" }],
  [
    { kind: "User", name: "ada" },
    { kind: "User", name: "alan" },
    { kind: "User", name: "hedy" },
  ],
];
const steps: fc.Arbitrary<AccessWorkflowSpecApprovalStep[]> = fc
  .array(
    fc.record({
      approvers: fc.constantFrom(...approvers),
      requiredApprovals: fc.constantFrom(undefined, 1, 2),
      selfApproval: fc.constantFrom(undefined, "Forbid" as const, "Allow" as const),
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map((list) => list.map((step, index) => ({ name: `s${index}`, ...step }) as AccessWorkflowSpecApprovalStep));

const events = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("review" as const),
      who: fc.constantFrom(...people),
      isLead: fc.boolean(),
      deny: fc.integer({ min: 0, max: 9 }).map((roll) => roll === 0),
      step: fc.constantFrom(undefined, "s0", "s1", "s2"),
      isStale: fc.integer({ min: 0, max: 5 }).map((roll) => roll === 0),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("workflow" as const), version: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("target" as const), version: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("wait" as const), minutes: fc.integer({ min: 1, max: 25 }) }) },
);
type Event = typeof events extends fc.Arbitrary<infer Value> ? Value : never;

/** What a review was given for, as the model remembers it. */
interface Given {
  readonly who: string;
  readonly isLead: boolean;
  readonly deny: boolean;
  readonly step: string | undefined;
  /** Workflow and target at that moment; a stale review is for none. */
  readonly of: string;
}

/** Runs the events through the real decisions, and keeps what was given beside them. */
class World {
  readonly #steps: readonly AccessWorkflowSpecApprovalStep[];
  grant: Grant = aGrant({ spec: { requester: { username: "Hedy" } }, status: seen });
  now = noon;
  readonly given: Given[] = [];
  workflowVersion = 1;
  targetVersion = 1;
  /** Digests that reviewers could have seen. */
  readonly #shown: string[] = [];
  approvedOf: string | undefined;

  constructor(own: readonly AccessWorkflowSpecApprovalStep[]) {
    this.#steps = own;
    this.#look();
  }

  get of(): string {
    return `${this.workflowVersion}/${this.targetVersion}`;
  }

  apply(event: Event, index: number): void {
    switch (event.kind) {
      case "review":
        this.#review(event, index);
        break;
      case "workflow":
        this.workflowVersion = event.version;
        break;
      case "target":
        this.targetVersion = event.version;
        break;
      default:
        this.now += event.minutes * 60_000;
    }
    this.#look();
  }

  #workflow(): AccessWorkflow {
    const { workflowVersion: priority } = this;
    return aWorkflow({
      spec: { approvalSteps: this.#steps, approvalDeadlineSeconds: deadlineMinutes * 60, priority },
    });
  }

  #database(): Database {
    return aDatabase({ spec: { endpoint: { host: `orders-${this.targetVersion}.example.com`, port: 5432 } } });
  }

  #review({ who, isLead, deny, step, isStale }: Extract<Event, { kind: "review" }>, index: number): void {
    const current = this.grant.status?.review?.digest ?? "";
    const digest = isStale ? (this.#shown.find((other) => other !== current) ?? `sha256:${"0".repeat(64)}`) : current;
    const review: GrantReview = {
      apiVersion,
      kind: "GrantReview",
      metadata: { namespace: "default", name: `r${index}` },
      spec: {
        grantRef: { name: "ada-orders" },
        grantDigest: digest,
        decision: deny ? "Deny" : "Approve",
        ...(step === undefined ? {} : { step }),
        reviewer: { username: who },
      },
    };
    const reviewer: Reviewer = {
      kind: "User",
      userID: `u-${who.toLowerCase()}`,
      userName: who,
      groups: isLead ? ["Leads"] : [],
    };
    const decision = decideReview(review, this.grant, { workflow: this.#workflow(), reviewer, now: this.now });
    if (!isStale && this.grant.status?.approvalTime === undefined && this.#isInTime()) {
      this.given.push({ who: who.toLowerCase(), isLead, deny, step, of: this.of });
    }
    if (decision.kind === "counted" && decision.isNew) {
      this.grant = { ...this.grant, status: withApproval(this.grant.status ?? {}, decision.approval) };
    }
  }

  #isInTime(): boolean {
    return this.now < noon + deadlineMinutes * 60_000;
  }

  /** What the loop does after each change, until nothing changes. */
  #look(): void {
    for (let round = 0; round < 4; round += 1) {
      const database = this.#database();
      const input = {
        grant: this.grant,
        now: this.now,
        workflows: [this.#workflow()],
        database,
        databases: [database],
      };
      const { patch } = decideGrant(anInput(input));
      if (patch.approvalTime !== undefined) {
        this.approvedOf ??= this.of;
      }
      this.grant = { ...this.grant, status: applyPatch(this.grant.status ?? {}, patch) };
      this.#shown.push(this.grant.status?.review?.digest ?? "");
    }
  }

  mayDecide(step: AccessWorkflowSpecApprovalStep, { who, isLead }: Given): boolean {
    return step.approvers.some(({ kind, name }) => (kind === "Group" ? isLead : name === who));
  }

  /** Whether some choice gives each step as many different people as it needs, each of them to one step only. */
  canBeApproved(of: string): boolean {
    const places = this.#steps.flatMap((step) => Array.from({ length: step.requiredApprovals ?? 1 }, () => step));
    const fill = (index: number, used: ReadonlySet<string>): boolean => {
      const step = places[index];
      return (
        step === undefined ||
        this.given.some(
          (given) =>
            !given.deny &&
            given.of === of &&
            !used.has(given.who) &&
            (given.step === undefined || given.step === step.name) &&
            this.mayDecide(step, given) &&
            (!["ada", "hedy"].includes(given.who) || step.selfApproval === "Allow") &&
            fill(index + 1, new Set([...used, given.who])),
        )
      );
    };
    return fill(0, new Set());
  }

  isDenied(): boolean {
    return this.given.some(
      (given) =>
        given.deny &&
        this.#steps.some(
          (step) => (given.step === undefined || given.step === step.name) && this.mayDecide(step, given),
        ),
    );
  }
}

describe("whatever people, administrators and time do", () => {
  const check = (promise: (world: World) => void): void => {
    fc.assert(
      fc.property(steps, fc.array(events, { maxLength: 12 }), (own, list) => {
        const world = new World(own);
        for (const [index, event] of list.entries()) {
          world.apply(event, index);
        }
        promise(world);
      }),
      { seed: fuzzSeed, numRuns: 1_500 },
    );
  };

  it("access is given only for what enough different people, who were allowed to, have approved as it was then", () => {
    let approved = 0;
    check((world) => {
      if (world.approvedOf !== undefined) {
        approved += 1;
        expect(world.canBeApproved(world.approvedOf)).toBe(true);
      }
    });

    expect(approved).toBeGreaterThan(20);
  });

  it("a denial is final: there is no access, then or later", () => {
    let denied = 0;
    check((world) => {
      if (world.isDenied()) {
        denied += 1;
        expect(world.grant.status?.external).toBeUndefined();
        expect(world.grant.status?.end?.reason).toBe("Denied");
      }
    });

    expect(denied).toBeGreaterThan(20);
  });
});
