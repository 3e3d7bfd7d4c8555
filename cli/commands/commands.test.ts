import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Entitlement, GrantView, VerifyReport } from "#wire/control-api.ts";
import { type FakeInstallation, startFakeInstallation } from "#test/cli/fake-installation.ts";
import { testComputer } from "#test/cli/world.ts";
import { configFile } from "../config/config.ts";
import { allCommands } from "./all.ts";

const never = async () => () => Promise.reject(new Error("a process was started"));
const commands = allCommands({
  controller: never,
  proxy: never,
  sandbox: never,
  plan: never,
  diff: never,
  leftovers: () => Promise.reject(new Error("a process was started")),
});
const grantID = "gmztgmztgmztgmztgmztgmztgmy";
const grant: GrantView = {
  grantID,
  namespace: "default",
  name: "ada-orders",
  userName: "ada",
  database: "orders",
  role: "read_only",
  reason: "INC-42",
  state: "Active",
  readyReason: "Active",
  message: "Access is live.",
  requestTime: "2026-01-01T00:00:00.000Z",
  activationTime: "2026-01-01T00:00:05.000Z",
  expiryTime: "2026-01-01T01:00:05.000Z",
};

let installation: FakeInstallation;

beforeAll(async () => {
  installation = await startFakeInstallation();
});
afterAll(() => installation[Symbol.asyncDispose]());
beforeEach(() => {
  installation.api.calls.length = 0;
});

/** Runs as ada; `argv` as typed. */
async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  using computer = installation.computerOf("ada");
  return await computer.run(commands, ...argv);
}

/** The query of the last call to that path. */
function queryOf(path: string): Record<string, string> {
  const call = installation.api.calls.findLast((one) => one.path === path);
  return Object.fromEntries(call?.query ?? []);
}

describe("databases list", () => {
  const entitlements: Partial<Entitlement>[] = [
    {
      database: "orders",
      role: "read_only",
      engine: "PostgreSQL",
      maxDurationSeconds: 28_800,
      needsApproval: false,
      grant,
    },
    { database: "billing", role: "app_owner", engine: "MySQL", maxDurationSeconds: 3_600, needsApproval: true },
  ];

  it("shows what may be asked for", async () => {
    installation.on("GET /v1/databases", () => ({ body: { items: entitlements } }));

    const { code, out, err } = await run("databases", "list");

    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatchInlineSnapshot(`
      "DATABASE  ROLE       ENGINE      LONGEST  APPROVAL   GRANT
      orders    read_only  PostgreSQL  8h       automatic  Active
      billing   app_owner  MySQL       1h       needed     -
      "
    `);
    expect(JSON.parse((await run("databases", "list", "-o", "json")).out)).toEqual({ items: entitlements });
  });

  it("says what it means that there is nothing", async () => {
    installation.on("GET /v1/databases", () => ({ body: { items: [] } }));

    expect(await run("databases", "list")).toEqual({
      code: 0,
      out: "",
      err: "You may not ask for any database. Ask whoever operates Sallyport for an Availability.\n",
    });
  });
});

describe("grants", () => {
  it("list shows them, narrowed as asked", async () => {
    installation.on("GET /v1/grants", () => ({
      body: { items: [grant, { ...grant, grantID: "", expiryTime: undefined }] },
    }));

    const { out } = await run("grants", "list", "--state", "Active", "--user", "ada", "--database", "orders");

    expect(out).toMatchInlineSnapshot(`
      "GRANT                        PERSON  DATABASE  ROLE       STATE   ENDS
      gmztgmztgmztgmztgmztgmztgmy  ada     orders    read_only  Active  2026-01-01T01:00:05.000Z
      ada-orders                   ada     orders    read_only  Active  -
      "
    `);
    expect(queryOf("/v1/grants")).toEqual({ state: "Active", userName: "ada", database: "orders" });
  });

  it("list shows when access ended where it did, not when it would have", async () => {
    const ended = { ...grant, state: "Ended", endTime: "2026-01-01T00:20:00.000Z" };
    installation.on("GET /v1/grants", () => ({ body: { items: [ended] } }));

    expect((await run("grants", "list", "--state", "Ended")).out).toMatchInlineSnapshot(`
      "GRANT                        PERSON  DATABASE  ROLE       STATE  ENDS
      gmztgmztgmztgmztgmztgmztgmy  ada     orders    read_only  Ended  2026-01-01T00:20:00.000Z
      "
    `);
  });

  it("get shows one in full", async () => {
    installation.on(`GET /v1/grants/${grantID}`, () => ({ body: grant }));

    expect((await run("grants", "get", grantID)).out).toMatchInlineSnapshot(`
      "grantID:        gmztgmztgmztgmztgmztgmztgmy
      namespace:      default
      name:           ada-orders
      userName:       ada
      database:       orders
      role:           read_only
      reason:         INC-42
      state:          Active
      readyReason:    Active
      message:        Access is live.
      requestTime:    2026-01-01T00:00:00.000Z
      activationTime: 2026-01-01T00:00:05.000Z
      expiryTime:     2026-01-01T01:00:05.000Z
      "
    `);
    expect(JSON.parse((await run("grants", "get", grantID, "-o", "json")).out)).toEqual(grant);
  });

  it("revoke ends one, with a reason", async () => {
    installation.on(`POST /v1/grants/${grantID}/revoke`, () => ({ body: { ...grant, state: "Revoking" } }));

    const { code, out } = await run("grants", "revoke", grantID, "--reason", "done");

    expect({ code, out }).toEqual({ code: 0, out: `Grant ${grantID} is being ended: done\n` });
    expect(installation.api.calls.at(-1)?.body).toEqual({ reason: "done" });
  });

  it("are not asked for by what is no grant ID", async () => {
    for (const wrong of ["../me", "a/b/c", "", grantID.toUpperCase()]) {
      expect(await run("grants", "get", wrong)).toMatchObject({
        code: 1,
        err: expect.stringContaining("is not a grant ID"),
      });
    }
    expect(installation.api.calls).toHaveLength(0);
  });

  it("show the API's refusal in its own words", async () => {
    const error = { code: "GrantNotFound", message: `you have no grant ${grantID}`, next: "sallyport grants list" };
    installation.on(`GET /v1/grants/${grantID}`, () => ({ status: 404, body: { error } }));

    expect(await run("grants", "get", grantID)).toEqual({
      code: 1,
      out: "",
      err: `[✘] you have no grant ${grantID}\n    next: sallyport grants list\n`,
    });
    const json = await run("grants", "get", grantID, "-o", "json");
    expect(json.out).toBe("");
    expect(JSON.parse(json.err)).toEqual({ error: { ...error, why: "" } });
  });
});

describe("audit verify", () => {
  const report = (change: Partial<VerifyReport>): VerifyReport => ({
    verdict: "complete",
    records: 20,
    sessions: 2,
    findings: [],
    ...change,
  });

  it("exits with 0 for a complete trail only", async () => {
    const finding = { kind: "removed", detail: "record 7 of session a\nis missing" };
    const answers = [
      report({}),
      report({ verdict: "broken", findings: [finding] }),
      report({
        verdict: "consistent, unanchored",
        removed: [{ proxy: "default/main", task: "t1", toSeq: 9, before: "2026-01-05T00:00:00.000Z", wrong: 2 }],
        unanchored: [{ proxy: "default/main", task: "t1", fromSeq: 30, toSeq: 31 }],
      }),
    ];
    installation.on("POST /v1/audit/verify", () => ({ body: answers.shift() }));

    expect(await run("audit", "verify")).toEqual({
      code: 0,
      out: "The audit trail is complete: 20 records, 2 sessions.\n",
      err: "",
    });
    expect(await run("audit", "verify")).toMatchObject({
      code: 1,
      out: "The audit trail is broken: 20 records, 2 sessions.\n  removed: record 7 of session a\\nis missing\n",
    });
    expect(await run("audit", "verify")).toMatchObject({
      code: 1,
      out: [
        "The audit trail is consistent, unanchored: 20 records, 2 sessions.",
        "  removed because of their age: records 1 to 9 of default/main t1, from before 2026-01-05T00:00:00.000Z; 2 places were not as they should be",
        "  not signed: records 30 to 31 of default/main t1\n",
      ].join("\n"),
    });
  });
});

describe("deletions confirm", () => {
  const held = { keys: ["Grant/default/a", "Grant/default/b"], since: "2026-01-01T00:00:00.000Z", digest: "abc" };

  it("shows what is held and confirms exactly that", async () => {
    installation.on("GET /v1/problems", () => ({ body: { problems: [], held } }));
    installation.on("POST /v1/held/confirm", () => ({ body: { confirmed: 2 } }));

    const { code, out, err } = await run("deletions", "confirm", "--yes");

    expect({ code, out }).toEqual({ code: 0, out: "Confirmed: 2 objects are being deleted.\n" });
    expect(err).toMatchInlineSnapshot(`
      "[HELD] 2 objects disappeared at once since 2026-01-01T00:00:00.000Z:
      [i] Grant/default/a
      [i] Grant/default/b
      "
    `);
    expect(installation.api.calls.at(-1)?.body).toEqual({ digest: "abc" });
  });

  it("changes nothing where nobody confirms, and nothing where nothing is held", async () => {
    installation.on("GET /v1/problems", () => ({ body: { problems: [], held } }));

    expect(await run("deletions", "confirm")).toMatchObject({
      code: 1,
      err: expect.stringContaining("next: Run it again with --yes."),
    });
    installation.on("GET /v1/problems", () => ({ body: { problems: [] } }));
    expect((await run("deletions", "confirm", "--yes")).out).toBe("No deletion is held.\n");
    expect(installation.api.calls.filter((call) => call.path === "/v1/held/confirm")).toEqual([]);
  });
});

describe("login", () => {
  it("remembers where Sallyport is, once that works, though the environment names another", async () => {
    using computer = installation.computerOf("ada", { environment: { SALLYPORT_URL: "https://127.0.0.1:1" } });
    const { url, caFile } = installation.api;

    const { code, out } = await computer.run(commands, "login", "--url", `${url}/`, "--ca-file", caFile);

    expect({ code, out }).toEqual({ code: 0, out: "Signed in to test as ada\n" });
    expect(JSON.parse(readFileSync(configFile(computer.world), "utf8"))).toEqual({ url, caFile });
  });

  it("does not remember an address that does not work", async () => {
    using computer = testComputer();

    expect(await computer.run(commands, "login", "--url", "https://127.0.0.1:1")).toMatchObject({
      code: 1,
      err: expect.stringContaining("cannot be reached"),
    });
    expect(() => readFileSync(configFile(computer.world))).toThrow("ENOENT");
  });
});

describe("rds proxy", () => {
  it("finds a busy port before it asks for anything", async () => {
    const { port } = new URL(installation.api.url);
    installation.on("GET /v1/databases", () => ({
      body: { items: [{ database: "orders", role: "read_only", engine: "PostgreSQL" }] },
    }));

    const { code, err } = await run("rds", "proxy", "--port", port, "--yes");

    expect(code).toBe(1);
    expect(err).toContain(`[✘] failed to start listening for connections on port: ${port}\n`);
    expect(err).toContain(`--port ${Number(port) + 1}`);
    expect(installation.api.calls.filter((call) => call.path === "/v1/grants")).toEqual([]);
  });

  it.each([
    ["--port", "70000", '"70000" is not a port'],
    ["--port", "x", '"x" is not a port'],
    ["--duration", "60", '"60" is not a duration'],
  ])("refuses %s %s before it signs in", async (flag, value, text) => {
    expect((await run("rds", "proxy", flag, value)).err).toContain(text);
    expect(installation.api.calls).toEqual([]);
  });
});

it("every command has a summary, an example that begins with its own name, and options with a summary", () => {
  for (const command of commands) {
    expect(command.summary).not.toBe("");
    expect(command.examples.length).toBeGreaterThan(0);
    for (const example of command.examples) {
      expect(example.run.startsWith(`sallyport ${command.name}`)).toBe(true);
    }
    expect(command.options.every((option) => option.summary !== "" && option.name !== "output")).toBe(true);
  }
});
