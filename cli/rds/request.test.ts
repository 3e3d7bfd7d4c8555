import { describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import type { Entitlement, GrantRequest, GrantRequestResponse, GrantView } from "#wire/control-api.ts";
import { advanceUntil } from "#test/cli/advance.ts";
import { testComputer, type TestComputerOptions } from "#test/cli/world.ts";
import type { ControlClient } from "../control/client.ts";
import { ControlFailure } from "../control/failure.ts";
import { activationWaitMs, type WaitOptions } from "./await-grant.ts";
import { noLine } from "./live-line.ts";
import { confirmAccess, obtainAccess, planAccess, type RequestOptions } from "./request.ts";

const entitlement = {
  namespace: "default",
  database: "orders",
  role: "read_only",
  reason: "Optional",
} as Entitlement;
const view = (change: Partial<GrantView>): GrantView =>
  ({
    grantID: "g1",
    namespace: "default",
    name: "ada-orders",
    message: "",
    readyReason: "",
    expiryTime: "2026-01-01T01:00:00.000Z",
    ...change,
  }) as GrantView;
const active = view({ state: "Active" });

interface Given {
  readonly plan?: GrantRequestResponse;
  readonly answer?: GrantRequestResponse;
  /** What each look at the grant gives. */
  readonly looks?: (GrantView | Error)[];
  readonly entitlement?: Partial<Entitlement>;
  readonly options?: Partial<RequestOptions>;
  readonly wait?: Partial<WaitOptions>;
  /** What each opened watch gives before it ends; absent: the control API has none. */
  readonly watches?: (GrantView | Record<string, never>)[][];
  readonly computer?: TestComputerOptions;
}

/** Runs to the end with a clock that moves whenever somebody waits. */
async function ensure(given: Given) {
  const clock = manualClock();
  const computer = testComputer({ clock, ...given.computer });
  const bodies: GrantRequest[] = [];
  const looks = [...(given.looks ?? [active])];
  const paths: string[] = [];
  const control = {
    post: async (_: string, body: GrantRequest) => {
      bodies.push(body);
      return body.dryRun === true
        ? (given.plan ?? { change: "WillActivate", durationSeconds: 3_600 })
        : (given.answer ?? { change: "Activating", durationSeconds: 3_600, grant: view({ state: "Pending" }) });
    },
    get: async (path: string) => {
      paths.push(path);
      const look = looks.length > 1 ? looks.shift() : looks[0];
      if (look instanceof Error) {
        throw look;
      }
      return path === "/v1/grants" ? { items: [look] } : look;
    },
    stream: async function* (path: string) {
      paths.push(path);
      if (given.watches === undefined) {
        throw new ControlFailure(404, "NotFound", "the control API has no such route");
      }
      yield* given.watches.shift() ?? [];
    },
  } as unknown as ControlClient;
  const wanted = { ...entitlement, ...given.entitlement };
  const { world } = computer;
  const options = { yes: true, ...given.options };
  const ensureGrant = async (): Promise<GrantView> => {
    const plans = await confirmAccess([await planAccess(control, wanted, options, world)], options, world);
    const wait = { forApproval: true, line: noLine, ...given.wait };
    return obtainAccess(control, plans[0] as (typeof plans)[0], wait, world);
  };
  const asking = ensureGrant().then(
    (grant) => ({ grant, error: undefined }),
    (error: unknown) => ({ grant: undefined, error }),
  );
  const result = await advanceUntil(clock, 1_000, asking);
  computer[Symbol.dispose]();
  return { ...result, said: computer.err(), bodies, paths };
}

describe("access that is asked for", () => {
  it("is planned first, then asked for with the same words, and waited for", async () => {
    const provisioning = view({ state: "Provisioning", message: "The assignment is being made." });

    const { grant, said, bodies } = await ensure({
      looks: [provisioning, provisioning, active],
      options: { durationSeconds: 3_600, reason: "INC-42" },
    });

    const request = {
      namespace: "default",
      database: "orders",
      role: "read_only",
      durationSeconds: 3_600,
      reason: "INC-42",
    };
    expect(bodies).toEqual([{ ...request, dryRun: true }, request]);
    expect(grant).toBe(active);
    expect(said).toMatch(
      new RegExp(
        [
          "^\\[WILL ACTIVATE\\] read_only access to orders will be activated for 1h",
          "\\[i\\] Attempting to grant access...",
          "\\[i\\] The assignment is being made.",
          "\\[ACTIVATED\\] read_only access to orders was activated for \\d+m\\d+s",
          "$",
        ].join("\\n"),
      ),
    );
  });

  it("is not asked for where it is active already", async () => {
    const { grant, said, bodies } = await ensure({ plan: { change: "Active", durationSeconds: 1, grant: active } });

    expect(grant).toBe(active);
    expect(bodies).toHaveLength(1);
    expect(said).toContain("[ACTIVE] read_only access to orders is already active for the next ");
  });

  it("is waited for where it is pending already", async () => {
    const { grant, said, bodies } = await ensure({
      plan: { change: "Pending", durationSeconds: 1, grant: view({ state: "Provisioning" }) },
    });

    expect(grant).toBe(active);
    expect(bodies).toHaveLength(1);
    expect(said).toContain("[PENDING] read_only access to orders is already pending");
  });

  it("needs a word from the person, and nothing is asked for where nobody can give it", async () => {
    const { error, said, bodies } = await ensure({ options: { yes: false } });

    expect(error).toMatchObject({ code: "NotInteractive", next: "Run it again with --yes." });
    expect(said).toContain("[WILL ACTIVATE]");
    expect(bodies).toHaveLength(1);
  });

  it("needs a reason where the workflow says so, and nothing is asked for without one", async () => {
    const { error, bodies } = await ensure({ entitlement: { reason: "Required" } });

    expect(error).toMatchObject({ code: "NotInteractive", next: "Give one with --reason." });
    expect(bodies).toHaveLength(1);
  });

  it.each([
    [
      "Refused",
      { readyReason: "PreviouslyEnded", message: "It ended." },
      { code: "PreviouslyEnded", why: "It ended." },
    ],
    ["Ended", { readyReason: "Ended", endReason: "revoked" }, { code: "Ended", why: "revoked" }],
    ["Revoking", {}, { code: "Refused", next: "sallyport grants get g1" }],
  ] as const)("that becomes %s ends the wait with the reason", async (state, change, expected) => {
    const { error } = await ensure({ looks: [view({ state, ...change })] });

    expect(error).toMatchObject(expected);
  });

  it("says that it requires approval", async () => {
    const waiting = view({ state: "PendingApproval" });
    const { said, error } = await ensure({
      plan: { change: "WillRequest", durationSeconds: 3_600 },
      answer: { change: "Requested", durationSeconds: 3_600, grant: waiting },
      wait: { forApproval: false },
    });

    expect(error).toMatchObject({ code: "PendingApproval", message: "access is pending approval" });
    expect(said).toContain("[WILL REQUEST] read_only access to orders will require approval\n");
    expect(said).toContain("[REQUESTED] read_only access to orders requires approval\n");
  });

  it("is looked for by its name until it has an ID", async () => {
    const { paths } = await ensure({
      answer: { change: "Activating", durationSeconds: 1, grant: view({ grantID: "", state: "Pending" }) },
      looks: [view({ state: "Provisioning" }), active],
    });

    expect(paths).toEqual(["/v1/grants", "/v1/grants/g1/watch", "/v1/grants/g1"]);
  });

  it("is waited for through a restart of the controller, and through no other failure", async () => {
    const away = new ControlFailure(0, "ControllerUnreachable", "away");
    const starting = new ControlFailure(503, "AwsUnavailable", "not yet");
    const refused = new ControlFailure(404, "GrantNotFound", "no such grant");

    expect((await ensure({ looks: [away, starting, active] })).grant).toBe(active);
    expect((await ensure({ looks: [refused] })).error).toBe(refused);
  });

  it("is given up after five minutes, with where it stands", async () => {
    const { error } = await ensure({ looks: [view({ state: "Provisioning", message: "Throttled." })] });

    expect(activationWaitMs).toBe(300_000);
    expect(error).toMatchObject({ code: "NotLiveInTime", why: "Throttled.", next: "sallyport grants get g1" });
  });

  const step = {
    name: "dba",
    approvers: [{ kind: "Group", name: "dbas" }],
    requiredApprovals: 1,
    decisions: [],
    state: "Waiting",
  } as const;
  const decided = (decision: "Approve" | "Deny", comment?: string): Partial<GrantView> => ({
    approval: {
      kind: "Reviewed",
      state: decision === "Approve" ? "Approved" : "Denied",
      steps: [
        {
          ...step,
          state: decision === "Approve" ? "Approved" : "Denied",
          decisions: [
            {
              decision,
              reviewer: { kind: "User", username: "margaret" },
              time: "",
              ...(comment === undefined ? {} : { comment }),
            },
          ],
        },
      ],
    },
  });
  const waiting = view({
    state: "PendingApproval",
    approval: { kind: "Reviewed", state: "Waiting", steps: [step] },
  });
  const asked: GrantRequestResponse = { change: "Requested", durationSeconds: 3_600, grant: waiting };

  it("is waited for until people have approved it, however long they take, and says who they are", async () => {
    const long = Array.from({ length: 1_000 }, () => waiting);
    const { grant, said, paths } = await ensure({
      answer: asked,
      looks: [...long, view({ state: "Provisioning", ...decided("Approve") }), active],
    });

    expect(grant).toBe(active);
    expect(said.split("\n").slice(2, 6)).toEqual([
      "[REQUESTED] read_only access to orders requires approval",
      "[WAITING] Waiting for request to be approved...",
      "[i] step dba: 0 of 1 approvals, asked: group dbas",
      "[APPROVED] read_only access to orders was approved by margaret",
    ]);
    expect(paths.filter((path) => path.endsWith("/watch"))).toHaveLength(1);
  });

  it("that is denied says by whom and why", async () => {
    const { error } = await ensure({
      answer: asked,
      looks: [view({ state: "Refused", readyReason: "Denied", ...decided("Deny", "not on a Friday") })],
    });

    expect(error).toMatchObject({ code: "Denied", why: "the request was denied by margaret: not on a Friday" });
  });

  it("is followed by the control API's watch where it has one, over heartbeats and a watch that ends", async () => {
    const { grant, paths } = await ensure({
      answer: asked,
      watches: [
        [waiting, {}],
        [{}, active],
      ],
    });

    expect(grant).toBe(active);
    expect(paths).toEqual(["/v1/grants/g1/watch", "/v1/grants/g1/watch"]);
  });
});
