import { beforeEach, describe, expect, it } from "vitest";
import { silentLog } from "#lib/log.ts";
import type { LoginNonce, LoginResponse } from "#wire/control-api.ts";
import { createProof } from "#wire/proof.ts";
import { testServices, type TestServices } from "#test/serve/services.ts";
import { createApp } from "../app.ts";
import { Nonces } from "../auth/nonces.ts";
import { Tokens } from "../auth/tokens.ts";
import { controlRoutes } from "../routes.ts";
import { checkingMax } from "./sign-in.ts";

const groups = { auditors: "auditors", administrators: "administrators" };
const account = "111122223333";
const credentials = { accessKeyId: "ASIAEXAMPLE00000000", secretAccessKey: "secret", sessionToken: "session" };

let services: TestServices;
let sts: () => Promise<Response>;
let people: { groups: readonly string[]; status: "ENABLED" | "DISABLED" };
let call: (path: string, body?: unknown, token?: string) => Promise<Response>;

/** What STS says of the identity permission set's role, with this unique id. */
function says(roleID = "AROAIDENTITY"): Response {
  const Arn = `arn:aws:sts::${account}:assumed-role/AWSReservedSSO_sallyport_0123456789abcdef/ada`;
  const GetCallerIdentityResult = { Account: account, Arn, UserId: `${roleID}:ada` };
  return Response.json({ GetCallerIdentityResponse: { GetCallerIdentityResult } });
}

beforeEach(() => {
  sts = async () => says();
  people = { groups: ["developers"], status: "ENABLED" };
  services = testServices();
  services = {
    ...services,
    verifier: { ...services.verifier, fetch: () => sts() },
    directory: {
      accounts: () => new Set([account]),
      identityPermissionSet: "sallyport",
      identityRoleID: async () => "AROAIDENTITY",
      grantByID: () => undefined,
      findUser: async () => ({ userID: "u-ada", userName: "ada", displayName: "Ada", status: people.status }),
      groupsOf: async () => people.groups,
    },
  };
  const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));
  const nonces = new Nonces(services.clock, random);
  const tokens = new Tokens(services.clock, random);
  const routes = controlRoutes({ services, nonces, tokens, groups, version: "test", isStuck: () => false });
  const app = createApp(routes, tokens, groups, silentLog);
  call = async (path, body, token) =>
    app.request(path, {
      ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
});

/** A login body that is right in form; whether it is right is what STS says. */
async function signed(): Promise<{ nonce: string; proof: unknown }> {
  const { nonce, installation, sts: at } = (await (await call("/v1/login/nonce", {})).json()) as LoginNonce;
  const audience = { purpose: "login", installation, nonce } as const;
  return { nonce, proof: await createProof(audience, credentials, at, new Date(services.clock.now())) };
}
const codeOf = async (response: Response): Promise<[number, string]> => [
  response.status,
  ((await response.json()) as { error: { code: string } }).error.code,
];

describe("signing in", () => {
  it("exchanges a signed nonce for a token that says who one is, for 15 minutes", async () => {
    people.groups = ["auditors"];

    const login = (await (await call("/v1/login", await signed())).json()) as LoginResponse;

    expect(login.person).toEqual({ userName: "ada", userID: "u-ada", displayName: "Ada", roles: ["auditor"] });
    expect(login.expiryTime).toBe("2026-01-01T00:15:00.000Z");
    expect(await (await call("/v1/me", undefined, login.token)).json()).toMatchObject(login.person);
    services.clock.advance(15 * 60_000);
    expect((await call("/v1/me", undefined, login.token)).status).toBe(401);
  });

  it.each([
    { groups: ["administrators"], roles: ["administrator"] },
    { groups: ["administrators", "auditors"], roles: ["auditor", "administrator"] },
    { groups: ["others"], roles: [] },
  ])("tells somebody of $groups that they are $roles: administrators are no auditors", async ({ groups, roles }) => {
    people.groups = groups;

    const { person, token } = (await (await call("/v1/login", await signed())).json()) as LoginResponse;

    expect(person.roles).toEqual(roles);
    expect(await (await call("/v1/me", undefined, token)).json()).toMatchObject({ roles });
  });

  it("takes a nonce once, takes none that it did not give, and none that is over", async () => {
    const body = await signed();
    const late = await signed();
    expect((await call("/v1/login", body)).status).toBe(200);

    expect(await codeOf(await call("/v1/login", body))).toEqual([401, "NonceUnknown"]);
    expect(await codeOf(await call("/v1/login", { ...body, nonce: "x".repeat(32) }))).toEqual([401, "NonceUnknown"]);
    services.clock.advance(60_001);
    expect(await codeOf(await call("/v1/login", late))).toEqual([401, "NonceUnknown"]);
  });

  it("uses the nonce up when the proof is refused, so that nobody can try again on it", async () => {
    const body = await signed();
    sts = async () => new Response("<Error/>", { status: 403 });

    expect(await codeOf(await call("/v1/login", body))).toEqual([401, "ProofRefused"]);
    sts = async () => says();
    expect(await codeOf(await call("/v1/login", body))).toEqual([401, "NonceUnknown"]);
  });

  it("says that it may pass when STS does not answer", async () => {
    sts = () => Promise.reject(new Error("no route"));

    expect(await codeOf(await call("/v1/login", await signed()))).toEqual([503, "ProofRefused"]);
  });

  it("refuses a look-alike role, and a person who was disabled", async () => {
    sts = async () => says("AROALOOKALIKE");
    expect(await codeOf(await call("/v1/login", await signed()))).toEqual([403, "NotIdentified"]);

    sts = async () => says();
    people.status = "DISABLED";
    expect(await codeOf(await call("/v1/login", await signed()))).toEqual([403, "NotIdentified"]);
  });

  it("checks so many proofs at once, and others when one is done; a nonce that was not looked at stays good", async () => {
    const gate = Promise.withResolvers<void>();
    sts = async () => {
      await gate.promise;
      return says();
    };
    const bodies = await Promise.all(Array.from({ length: checkingMax + 1 }, () => signed()));
    const last = bodies.pop();
    const checking = bodies.map((body) => call("/v1/login", body));
    await new Promise((resolve) => setImmediate(resolve));

    expect(await codeOf(await call("/v1/login", last))).toEqual([503, "TooManySignIns"]);
    gate.resolve();
    await Promise.all(checking);

    expect((await call("/v1/login", last)).status).toBe(200);
  });
});
