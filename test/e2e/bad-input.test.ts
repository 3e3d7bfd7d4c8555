import { renameSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ConfirmHeldResponse, GrantView, ProblemList } from "#wire/control-api.ts";
import { type ControlApi, controlApi } from "../harness/control-api.ts";
import { type Installation, signInDirectly, startInstallation, untilProxyLinked } from "../harness/installation.ts";
import { eventually } from "../harness/process.ts";
import * as support from "./support.ts";

let installation: Installation;
let api: ControlApi;

beforeAll(async () => {
  installation = await startInstallation({ sandbox: { delays: { identityCenterMs: 30 } } });
  api = controlApi(installation, "margaret");
  await untilProxyLinked(installation);
  await signInDirectly(installation, "margaret");
});

afterAll(() => installation?.stop());

/** A Grant as people write it, so that lines and columns mean something. */
function written(change: readonly [from: string, to: string]): string {
  const text = `apiVersion: sallyport.dev/v1alpha1
kind: Grant
metadata:
  name: typed
spec:
  principal:
    name: ada
  databaseRef:
    name: orders
  roleName: read_only
  durationSeconds: 600
  notAfterTime: "${support.secondsFromNow(3_600)}"
`;
  expect(text).toContain(change[0]);
  return text.replace(change[0], change[1]);
}

async function problems(): Promise<string> {
  return (await api.get<ProblemList>("/v1/problems")).problems.join("\n");
}

function problemsMatch(pattern: RegExp): Promise<string> {
  let last = "";
  return eventually(
    () => `a problem matches ${pattern}; last seen: ${last}`,
    async () => {
      last = await problems();
      return pattern.test(last) ? last : undefined;
    },
  );
}

describe("a file with a typo", () => {
  it.each([
    [
      "a field",
      ["durationSeconds", "durationSecond"],
      /grants\/typo\.yaml:11:3: spec\.durationSecond: .*durationSeconds/,
    ],
    ["a type", ["600", "ten minutes"], /grants\/typo\.yaml:11:20: spec\.durationSeconds: must be .*found.*ten minutes/],
    ["an unknown kind", ["Grant", "Grnat"], /grants\/typo\.yaml:2:7: kind: .*Grnat/],
    ["an ambiguous scalar", ["read_only", "off"], /grants\/typo\.yaml:10:13: spec\.roleName: .*off/],
    ["a broken document", ["spec:", "spec: ["], /grants\/typo\.yaml:\d+:\d+: /],
    ["a value beyond its bound", ["600", "5"], /grants\/typo\.yaml:11:20: spec\.durationSeconds: .*60/],
  ] as const)("is refused with its place and what was expected: %s", async (_what, change, expected) => {
    installation.writeManifest("grants/typo.yaml", written(change));

    const found = await problemsMatch(expected);

    expect(installation.controller().lines.some((line) => line.includes("a manifest was not accepted"))).toBe(true);
    expect(found).not.toContain("typed.yaml");
    expect(await api.grant("typed")).toBeUndefined();
    installation.deleteManifest("grants/typo.yaml");
    await problemsMatch(/^$/);
  });

  it("is refused at both places when two files name the same object", async () => {
    installation.writeManifest("grants/one.yaml", written(["name: typed", "name: twice"]));
    installation.writeManifest("grants/two.yaml", `---\n${written(["name: typed", "name: twice"])}`);

    const found = await problemsMatch(/two\.yaml/);

    expect(found).toMatch(/grants\/one\.yaml:4:9: metadata\.name: must be unique.*grants\/two\.yaml/);
    expect(found).toMatch(/grants\/two\.yaml:5:9: metadata\.name: must be unique.*grants\/one\.yaml/);
    installation.deleteManifest("grants/one.yaml");
    installation.deleteManifest("grants/two.yaml");
    await problemsMatch(/^$/);
  });

  it("keeps the last good version live, and everything beside it goes on", async () => {
    installation.writeManifest("grants/kept.yaml", support.grantManifest("kept", "ada"));
    const before = await support.grantReaches(api, "kept", "Active");

    installation.writeManifest("grants/kept.yaml", "kind: Grant\nspec: {{{\n");
    installation.writeManifest("grants/beside.yaml", support.grantManifest("beside", "linus"));
    await problemsMatch(/grants\/kept\.yaml:\d+:\d+/);

    await support.grantReaches(api, "beside", "Active");
    expect(await api.grant("kept")).toMatchObject({ state: "Active", expiryTime: before.expiryTime });
    installation.deleteManifest("grants/kept.yaml");
    installation.deleteManifest("grants/beside.yaml");
    await support.grantReleased(api, "kept");
    await support.grantReleased(api, "beside");
  });
});

describe("a request that cannot become access", () => {
  it.each([
    ["nobody of that name", "nobody", {}, "Refused", "PrincipalNotFound", /nobody.*IAM Identity Center/],
    ["a disabled person", "mallory", {}, "Refused", "PrincipalDisabled", /Enable the person/],
    ["no availability", "visitor", {}, "Refused", "NotAvailable", /\S/],
    ["an unknown role", "ada", { roleName: "superuser" }, "Refused", "RoleNotFound", /superuser/],
    ["too long a duration", "ada", { durationSeconds: 86_400 }, "Refused", "DurationTooLong", /at most 28800 s/],
    ["a workflow that needs a reason", "margaret", {}, "Refused", "ReasonRequired", /reason/],
    [
      "a workflow that needs approval",
      "margaret",
      { reason: "INC-7" },
      "PendingApproval",
      "PendingApproval",
      /administrator/,
    ],
    [
      "a database that is not there",
      "ada",
      { databaseRef: { name: "nowhere" } },
      "Pending",
      "ReferenceNotFound",
      /nowhere/,
    ],
    [
      "an end that is over",
      "ada",
      { notAfterTime: "2026-01-01T00:00:00Z" },
      "Refused",
      "NotAfterTimePassed",
      /later one/,
    ],
  ] as const)("says so: %s", async (what, person, spec, state, reason, message) => {
    addVisitor();
    const name = `cannot-${what.replaceAll(/\W+/g, "-")}`;
    installation.writeManifest(`grants/${name}.yaml`, support.grantManifest(name, person, spec));

    const { grantID } = await support.grantReaches(api, name, state);

    const shown = await support.json<GrantView>(installation, "margaret", "grants", "get", grantID);
    expect(shown).toMatchObject({ name, state, readyReason: reason, message: expect.stringMatching(message) });
    const sets = [...installation.sandbox.state.permissionSets.values()];
    expect(sets.filter((set) => set.name === grantID)).toEqual([]);
  });
});

describe("the disappearance of the folder's Grants", () => {
  it("is held until somebody confirms it; expiry and revocation are not", async () => {
    const people = ["ada", "grace", "linus"];
    for (const person of people) {
      installation.writeManifest(`grants/mass-${person}.yaml`, support.grantManifest(`mass-${person}`, person));
    }
    for (const person of people) {
      await support.grantReaches(api, `mass-${person}`, "Active");
    }
    const notAfterTime = support.secondsFromNow(5);
    installation.writeManifest("grants/mass-ada.yaml", support.grantManifest("mass-ada", "ada", { notAfterTime }));
    await eventually("the window is shortened", async () => {
      const grant = await api.grant("mass-ada");
      return Date.parse(grant?.expiryTime ?? "") === Date.parse(notAfterTime) ? true : undefined;
    });
    const folder = path.join(installation.folder, "grants");
    const elsewhere = path.join(path.dirname(installation.folder), "grants-elsewhere");

    renameSync(folder, elsewhere);
    const held = await problemsMatch(/disappeared at once/);
    expect(held).toContain("sallyport deletions confirm");
    const linus = controlApi(installation, "linus");
    const own = await linus.grant("mass-linus");
    await linus.post(`/v1/grants/${own?.grantID}/revoke`, { reason: "done" });
    await support.grantReaches(api, "mass-linus", "Ended");
    const expired = await support.grantReaches(api, "mass-ada", "Ended");
    expect(expired).toMatchObject({ endTime: expired.expiryTime });
    expect(await problems()).toMatch(/disappeared at once/);
    expect(await api.grant("mass-grace")).toMatchObject({ state: "Active" });

    renameSync(elsewhere, folder);
    await problemsMatch(/^$/);
    expect(await api.grant("mass-grace")).toMatchObject({ state: "Active" });

    renameSync(folder, elsewhere);
    await problemsMatch(/disappeared at once/);
    await signInDirectly(installation, "grace");
    const confirmed = await confirmDeletions("grace");
    expect(confirmed).toBeGreaterThanOrEqual(1);
    for (const person of people) {
      await support.grantReleased(api, `mass-${person}`);
    }
    await problemsMatch(/^$/);
  });
});

/** Somebody of the identity store whom no availability names. */
function addVisitor(): void {
  const { people } = installation.sandbox.state;
  const [ada] = [...people.values()].filter(({ userName }) => userName === "ada");
  if (ada !== undefined && ![...people.values()].some(({ userName }) => userName === "visitor")) {
    const userID = ada.userID.replace(/.{4}$/, "ffff");
    people.set(userID, { ...ada, userID, userName: "visitor", displayName: "A visitor" });
  }
}

async function confirmDeletions(who: string): Promise<number> {
  const command = installation.run(who, ["deletions", "confirm", "--yes", "--output", "json"]);
  expect(await command.exited).toBe(0);
  const result = command.lines.map((line) => JSON.parse(line) as Partial<ConfirmHeldResponse>);
  return result.find(({ confirmed }) => confirmed !== undefined)?.confirmed ?? 0;
}
