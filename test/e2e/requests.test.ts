import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ControlApi, controlApi } from "../harness/control-api.ts";
import { freePort } from "../harness/postgres.ts";
import { type Installation, signInDirectly, startInstallation, untilProxyLinked } from "../harness/installation.ts";
import { ended, eventually, within } from "../harness/process.ts";
import { knock, verdictAtDoor } from "./proxy-door.ts";
import * as support from "./support.ts";

const account = "111122223333";

let installation: Installation;
let api: ControlApi;

beforeAll(async () => {
  installation = await startInstallation({ sandbox: { delays: { identityCenterMs: 30 } } });
  api = controlApi(installation, "margaret");
  support.addOtherGrants(installation);
  await untilProxyLinked(installation);
  await signInDirectly(installation, "ada");
  await signInDirectly(installation, "linus");
});

afterAll(() => installation?.stop());

/** Grants that were asked for through the API; those of the folder have names of their own. */
function setsOf(grantID: string): unknown[] {
  return [...installation.sandbox.state.permissionSets.values()].filter((set) => set.name === grantID);
}

describe("a person without a grant", () => {
  it("is told what would happen, and nothing does, when nobody can confirm", async () => {
    const port = String(await freePort());
    const options = ["--database", "orders", "--role", "app_owner", "--port", port];

    const command = installation.run("ada", ["rds", "proxy", ...options]);
    const code = await ended(command);

    expect(code).not.toBe(0);
    expect(command.lines.join("\n")).toMatch(/\[WILL ACTIVATE\] app_owner access to orders will be activated for 1h/);
    expect(command.lines.join("\n")).toMatch(/--yes/);
    expect((await controlApi(installation, "ada").get<{ items: unknown[] }>("/v1/grants")).items).toEqual([]);
  });

  it("asks, gets, uses and gives back access from the command line", async () => {
    const { proxy: cli, url } = await support.connectAs(
      installation,
      "ada",
      "app_owner",
      "--duration",
      "10m",
      "--reason",
      "INC-9",
    );
    const said = cli.lines.join("\n");
    expect(said).toMatch(/\[WILL ACTIVATE\] app_owner access to orders will be activated for 10m/);
    expect(said).toMatch(/\[ACTIVATED\] app_owner access to orders was activated for (10m|9m5\ds)/);
    const { client, lastWords } = await support.connected(url);
    expect((await client.query("select count(*)::int as n from customers")).rows).toEqual([{ n: 200 }]);
    const grant = await support.grantInState(installation, "ada", "app_owner", "Active");
    expect(grant).toMatchObject({ reason: "INC-9", userName: "ada", database: "orders" });

    const stranger = installation.run("linus", ["grants", "revoke", grant.grantID, "--reason", "mine"]);
    expect(await ended(stranger)).not.toBe(0);
    expect(stranger.lines.join("\n")).toMatch(new RegExp(`you have no grant ${grant.grantID}`));
    await client.query("select 1");
    await support.json(installation, "ada", "grants", "revoke", grant.grantID, "--reason", "all done");

    expect(await ended(cli)).toBe(1);
    expect(cli.lines.join("\n")).toMatch(/\[ENDED\].*revoked by ada: all done/);
    expect(lastWords()).toMatch(/revoked by ada: all done/);
    await support.noBackendLeft(installation);
    await eventually("the permission set is gone", () => (setsOf(grant.grantID).length === 0 ? true : undefined));
    const after = await support.grantInState(installation, "ada", "app_owner", "Ended");
    expect(after).toMatchObject({ grantID: grant.grantID, endReason: expect.stringContaining("all done") });
  });
});

describe("the end of the window", () => {
  it("ends session, tunnel, permission set and record at that very instant", async () => {
    installation.writeManifest("grants/short.yaml", support.grantManifest("short", "ada"));
    const { grantID } = await support.grantReaches(api, "short", "Active");
    const { proxy: cli, url } = await support.connectAs(installation, "ada", "app_owner");
    const { client, lastWords } = await support.connected(url);
    const busy = await support.busyTransaction(installation, url, "select pg_sleep(260)");
    const notAfterTime = support.secondsFromNow(5);

    installation.writeManifest("grants/short.yaml", support.grantManifest("short", "ada", { notAfterTime }));
    const reason = await within("the client is told", busy.failure, () => cli.lines.join("\n"));
    const endedAt = Date.now();

    expect(endedAt).toBeGreaterThanOrEqual(Date.parse(notAfterTime));
    expect(reason).toMatch(/expired|terminat/);
    await expect(client.query("select 1")).rejects.toThrow();
    expect(lastWords()).toMatch(/expired/);
    expect(await ended(cli)).toBe(1);
    expect(cli.lines.join("\n")).toMatch(/\[ENDED\].*expired/);
    const record = await support.grantReaches(api, "short", "Ended");
    expect(record).toMatchObject({ endTime: record.expiryTime });
    expect(Date.parse(record.endTime ?? "")).toBe(Date.parse(notAfterTime));
    expect(setsOf(grantID)).toEqual([]);
    const sessions = installation.sandbox.ssm.sessions().filter(({ ownerARN }) => ownerARN.includes(grantID));
    expect(sessions.length).toBeGreaterThan(0);
    expect(sessions.filter(({ endedBy }) => endedBy === undefined)).toEqual([]);
    const { sessions: recorded } = await support.closedTrail(api, grantID);
    expect(recorded.map(({ closeReason }) => closeReason)).toEqual(["grant-expired", "grant-expired"]);
    expect(await support.linesKept(installation)).toBeGreaterThan(10_000);
    expect(await support.verifyTrail(api)).toMatchObject(support.completeTrail);
  });
});

describe("the proxy's own port", () => {
  let grantID: string;
  let othersGrantID: string;

  beforeAll(async () => {
    installation.writeManifest("grants/door.yaml", support.grantManifest("door", "ada"));
    installation.writeManifest("grants/others.yaml", support.grantManifest("others", "linus"));
    ({ grantID } = await support.grantReaches(api, "door", "Active"));
    ({ grantID: othersGrantID } = await support.grantReaches(api, "others", "Active"));
  });

  const own = () => installation.sandbox.credentialsFor("ada", grantID);
  /** Credentials of a role that looks like the grant's own and is not. */
  const lookAlike = (change: { accountID?: string; path?: string; person?: string; name?: string }) => {
    const { roles, credentials } = installation.sandbox.state;
    const real = roles.list(account).find(({ roleName }) => roleName.includes(grantID));
    const role = roles.create({
      accountID: change.accountID ?? account,
      roleName: change.name ?? real?.roleName ?? "",
      path: change.path ?? "/aws-reserved/sso.amazonaws.com/",
      permissions: "administrator",
    });
    const issued = credentials.mintForRole(role, change.person ?? "ada", Date.now() + 3_600_000);
    return { issued, remove: () => roles.remove(role.roleID) };
  };

  it("lets the grant's own person in", async () => {
    expect(await verdictAtDoor(installation, { grantID, credentials: own() })).toBe("welcome");
  });

  it.each([
    ["a role of the same name and path in the same account", {}, "wrong-role"],
    ["a role of the same name outside the reserved path", { path: "/" }, "wrong-role"],
    ["a role of the same name in a foreign account", { accountID: "444455556666" }, "wrong-account"],
    ["a role of a similar name", { name: "AWSReservedSSO_admin_0123456789abcdef" }, "wrong-role"],
  ] as const)("refuses %s", async (_what, change, code) => {
    const { issued, remove } = lookAlike(change);

    const verdict = await verdictAtDoor(installation, { grantID, credentials: issued });

    remove();
    expect(verdict).toBe(code);
  });

  it("refuses the right role in another person's hands", async () => {
    const { roles, credentials } = installation.sandbox.state;
    const real = roles.list(account).find(({ roleName }) => roleName.includes(grantID));
    const issued = credentials.mintForRole(real as NonNullable<typeof real>, "linus", Date.now() + 3_600_000);

    expect(await verdictAtDoor(installation, { grantID, credentials: issued })).toBe("wrong-person");
  });

  it("refuses the credentials of another grant, and of no grant", async () => {
    const others = installation.sandbox.credentialsFor("linus", othersGrantID);
    const identity = installation.sandbox.credentialsFor("ada", "sallyport");

    expect(await verdictAtDoor(installation, { grantID, credentials: others })).toBe("wrong-role");
    expect(await verdictAtDoor(installation, { grantID, credentials: identity })).toBe("wrong-role");
    expect(await verdictAtDoor(installation, { grantID: `g${"a".repeat(26)}`, credentials: own() })).toBe(
      "grant-unknown",
    );
  });

  it("refuses a proof that was seen before, or was made for something else", async () => {
    const first = await knock(installation, { grantID, credentials: own() });
    expect(first.answer.type).toBe("welcome");
    const said = { grantID, credentials: own() };

    const replayed = await verdictAtDoor(installation, { ...said, proof: first.proof });
    const forOtherGrant = await verdictAtDoor(installation, { ...said, provenGrantID: othersGrantID });
    const forOtherProxy = await verdictAtDoor(installation, { ...said, provenProxy: "default/other" });
    const withOldNonce = await verdictAtDoor(installation, { ...said, nonce: "A".repeat(32) });

    first.stream.socket.destroy();
    expect([replayed, forOtherGrant, forOtherProxy, withOldNonce]).toEqual(Array(4).fill("proof-refused"));
  });

  it("refuses credentials that outlive their grant, and closes what they had opened", async () => {
    const credentials = own();
    const open = await knock(installation, { grantID, credentials });
    expect(open.answer.type).toBe("welcome");

    installation.deleteManifest("grants/door.yaml");
    const end = await within("the open tunnel is told", open.stream.next("end"), () => "");

    expect(end).toMatchObject({ reason: "revoked", message: expect.stringContaining("deleted") });
    expect(await verdictAtDoor(installation, { grantID, credentials })).toBe("grant-ended");
    await support.grantReleased(api, "door");
    expect(await verdictAtDoor(installation, { grantID, credentials })).toBe("grant-ended");
  });
});
