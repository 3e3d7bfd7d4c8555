import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { GrantView } from "#wire/control-api.ts";
import { type FakeInstallation, startFakeInstallation } from "#test/cli/fake-installation.ts";
import { grantsGet, revoke } from "../commands/grants.ts";
import { request } from "../commands/request.ts";
import { approve, deny, reviews } from "../commands/reviews.ts";

const commands = [approve, deny, reviews, request, revoke, grantsGet];
const grantID = "gmztgmztgmztgmztgmztgmztgmy";
const waiting: GrantView = {
  grantID,
  namespace: "default",
  name: "ada-orders",
  userName: "ada",
  requester: "linus",
  database: "orders",
  role: "app_owner",
  reason: "INC-42\n    digest: sha256:of-something-else",
  state: "PendingApproval",
  readyReason: "PendingApproval",
  message: "",
  durationSeconds: 3_600,
  workflow: "needs-approval",
  digest: "sha256:0123",
  approval: {
    kind: "Reviewed",
    state: "Waiting",
    steps: [
      {
        name: "dba",
        approvers: [{ kind: "Group", name: "dba" }],
        requiredApprovals: 2,
        decisions: [],
        state: "Waiting",
      },
    ],
  },
  actions: ["approve", "deny"],
};

/** The same once a reviewer's approval counted. */
const decided = {
  ...waiting,
  state: "Provisioning",
  approval: {
    kind: "Reviewed",
    state: "Approved",
    steps: [
      {
        ...waiting.approval!.steps[0]!,
        state: "Approved",
        decisions: [
          { decision: "Approve", reviewer: { kind: "User", username: "grace" }, time: "2026-01-01T00:00:00.000Z" },
        ],
      },
    ],
  },
} as const satisfies GrantView;

let installation: FakeInstallation;

beforeAll(async () => {
  installation = await startFakeInstallation();
});
afterAll(() => installation[Symbol.asyncDispose]());
beforeEach(() => {
  installation.api.calls.length = 0;
  know(waiting);
});

/** These are all grants that there are. */
function know(...grants: GrantView[]): void {
  installation.on("GET /v1/grants", () => ({ body: { items: [] } }));
  installation.on("GET /v1/reviews", () => ({ body: { items: grants } }));
  installation.on(`POST /v1/grants/${grantID}/review`, () => ({ body: decided }));
}

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  using computer = installation.computerOf("ada");
  return await computer.run(commands, ...argv);
}
const posts = (): unknown[] => installation.api.calls.filter(({ path }) => path.endsWith("/review"));

describe("deciding", () => {
  it("shows who, what, why, how long and the digest, which the review names; nobody's reason looks like a fact", async () => {
    const { code, out, err } = await run("approve", "ada-orders", "--comment", "go on", "--yes");

    expect({ code, out }).toEqual({ code: 0, out: "Approved: ada's app_owner access to orders\n" });
    expect(err).toMatchInlineSnapshot(`
      "[REVIEW] ada: app_owner on orders, asked for by linus
          reason:    INC-42\\n    digest: sha256:of-something-else
          how long:  1h
          workflow:  needs-approval
          waits for: step dba: 0 of 2 approvals, asked: group dba
          grant:     gmztgmztgmztgmztgmztgmztgmy (default/ada-orders)
          digest:    sha256:0123
      "
    `);
    expect(installation.api.calls.at(-1)?.body).toEqual({
      decision: "Approve",
      digest: "sha256:0123",
      comment: "go on",
    });
  });

  it("tells nobody that they denied what was approved before their word counted", async () => {
    const { code, out, err } = await run("deny", "ada-orders", "--comment", "no", "--yes");

    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toContain("your denial was sent, and did not count");
    expect(err).toContain("sallyport revoke");
  });

  it("is never done where nobody confirms it, nor without a comment where it is a denial", async () => {
    const unasked = await run("approve", "ada-orders");
    const silent = await run("deny", "ada-orders", "--yes");

    expect(unasked).toMatchObject({ code: 1, err: expect.stringContaining("next: Run it again with --yes.") });
    expect(silent).toMatchObject({ code: 2, err: expect.stringContaining("--comment") });
    expect(posts()).toEqual([]);
  });

  it.each([
    [
      "somebody whom no step names",
      "margaret",
      "a step names neither you nor a group of yours, or you decided already",
    ],
    ["whoever would get the access", "ada", "it is your own request, which takes somebody else's word"],
    ["whoever asked for the access", "Linus", "it is your own request, which takes somebody else's word"],
  ])("is refused to %s, with the reason and whom the grant waits for", async (_, userName, why) => {
    know({ ...waiting, actions: [] });
    installation.on("GET /v1/me", () => ({ body: { userName } }));

    expect(await run("approve", "ada-orders", "--yes")).toEqual({
      code: 1,
      out: "",
      err: `[✘] ${grantID} does not wait for you to approve it\n    why:  ${why} (step dba: 0 of 2 approvals, asked: group dba)\n    next: sallyport reviews\n`,
    });
    expect(posts()).toEqual([]);
  });

  it("tells how many approvals there are once this one counts, not before", async () => {
    const [step] = waiting.approval?.steps ?? [];
    const reviewer = { kind: "User", username: "margaret" } as const;
    const decisions = [{ decision: "Approve", reviewer, time: "2026-01-01T00:00:00.000Z" }] as const;
    const counted = { ...waiting, approval: { ...waiting.approval, steps: [{ ...step, decisions }] } };
    installation.on(`POST /v1/grants/${grantID}/review`, () => ({ body: waiting }));
    installation.on(`GET /v1/grants/${grantID}/watch`, (_, response) => {
      response.writeHead(200, { "content-type": "application/x-ndjson" });
      response.write(`${JSON.stringify(waiting)}\n{}\n${JSON.stringify(counted)}\n`);
      return undefined;
    });

    expect((await run("approve", "ada-orders", "--yes")).out).toBe(
      "Approved: ada's app_owner access to orders (step dba: 1 of 2 approvals, asked: group dba)\n",
    );
  });

  it("says what to look at where the grant has changed since it was shown", async () => {
    const error = { code: "DigestMismatch", message: "the grant has changed" };
    installation.on(`POST /v1/grants/${grantID}/review`, () => ({ status: 409, body: { error } }));

    const { err } = await run("approve", "ada-orders", "--yes");

    expect(err).toContain(`[✘] the grant has changed\n    next: sallyport grants get ${grantID}\n`);
  });
});

describe("a grant", () => {
  it.each(["ada-orders", "default/ada-orders", "ada-", "gmzt"])("is found by %s", async (typed) => {
    expect(JSON.parse((await run("grants", "get", typed, "-o", "json")).out)).toMatchObject({ grantID });
  });

  it("that several fit is none, and the candidates are named", async () => {
    know(waiting, { ...waiting, grantID: "gother", name: "ada-billing", database: "billing" });

    expect((await run("grants", "get", "ada-")).err).toBe(
      `[✘] ada- fits 2 grants\n    why:  it may be ${grantID}: ada, app_owner on orders, PendingApproval; gother: ada, app_owner on billing, PendingApproval\n    next: Name one by its grant ID.\n`,
    );
    expect((await run("grants", "get", "ada-bill", "-o", "json")).out).toContain('"gother"');
  });

  it("that is not there is asked back", async () => {
    expect((await run("grants", "get", "ada-ordres")).err).toBe(
      "[✘] no grant that you may see is called ada-ordres\n    why:  Did you mean ada-orders?\n    next: sallyport grants list\n",
    );
  });
});

it("the queue shows what waits for whom", async () => {
  expect((await run("reviews")).out).toMatchInlineSnapshot(`
    "GRANT                        PERSON  DATABASE  ROLE       LENGTH  WAITS FOR                                     REASON
    gmztgmztgmztgmztgmztgmztgmy  ada     orders    app_owner  1h      step dba: 0 of 2 approvals, asked: group dba  INC-42\\n    digest: sha256:of-something-else
    "
  `);
});
