import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCredentialRegistry } from "../credentials.ts";
import { randomFrom } from "../ids.ts";
import { createRoleRegistry } from "../roles.ts";
import type { AwsError, Service } from "../service.ts";
import { signedInHeader, signedInQuery, type SigningParts, type Unsigned } from "../testing/signing.ts";
import { authenticate, signatureMinutesMax } from "./authenticate.ts";
import type { HttpRequest } from "./request.ts";

const now = Date.UTC(2026, 5, 1, 12);
const minute = 60_000;
const random = randomFrom("authenticate");
const roles = createRoleRegistry(random, () => now);
const registry = createCredentialRegistry(random, roles, () => now);
const role = roles.create({ accountID: "111122223333", roleName: "r", permissions: [] });
const session = registry.mintForRole(role, "ada", now + 3_600_000);
const longTerm = registry.mint({
  accountID: "111122223333",
  arn: "arn:aws:iam::111122223333:user/c",
  userID: "AIDAX",
  permissions: () => "administrator",
  expiresAt: undefined,
});

const sts: Service = { signingName: "sts", protocol: "query", target: "2011-06-15", operations: {}, mutating: [] };
const sso: Service = { signingName: "sso", protocol: "json", target: "SWB", operations: {}, mutating: [] };
const identityQuery = { Action: "GetCallerIdentity", Version: "2011-06-15" };

function check(request: HttpRequest, service: Service = sts, at = now) {
  return authenticate(request, service, { find: (id) => registry.find(id), now: at, regions: ["eu-west-1"] });
}

function refusal(request: HttpRequest, service: Service = sts, at = now): string {
  try {
    check(request, service, at);
    return "accepted";
  } catch (error) {
    return (error as AwsError).code;
  }
}

function presigned(unsigned: Unsigned = {}, parts: Partial<SigningParts> = {}): Promise<HttpRequest> {
  return signedInQuery(
    { query: identityQuery, ...unsigned },
    { credentials: session, service: "sts", at: now, ...parts },
  );
}

function signed(unsigned: Unsigned, parts: Partial<SigningParts> = {}): Promise<HttpRequest> {
  return signedInHeader({ method: "POST", ...unsigned }, { credentials: session, service: "sso", at: now, ...parts });
}

test("whatever the official signer signs is accepted, and no longer once any part of it is changed", async () => {
  const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9._~ +&=%ä-]{0,12}$/);
  const value = fc.string({ unit: "grapheme", maxLength: 20 });
  const header = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/);
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(name, value, { maxKeys: 5 }),
      header,
      value,
      fc.stringMatching(/^(\/[a-z0-9._~-]{1,8}){0,3}\/?$/),
      async (query, custom, body, path) => {
        const unsigned = { query, path: path === "" ? "/" : path, headers: { "x-custom": custom } };
        const inHeader = await signed({ ...unsigned, body });
        const inQuery = await presigned(unsigned);

        expect(check(inHeader, sso).userID).toBe(`${role.roleID}:ada`);
        expect(check(inQuery).userID).toBe(`${role.roleID}:ada`);
        for (const [request, service] of [
          [inHeader, sso],
          [inQuery, sts],
        ] as const) {
          for (const changed of [
            { ...request, method: "PUT" },
            { ...request, path: `${request.path}x` },
            { ...request, query: `${request.query}&extra=1` },
            { ...request, body: Buffer.concat([request.body, Buffer.from("x")]) },
            { ...request, headers: { ...request.headers, "x-custom": `${custom}x` } },
            { ...request, headers: { ...request.headers, host: "sts.amazonaws.com" } },
          ]) {
            expect(refusal(changed, service)).toMatch(/Signature/);
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});

describe("a presigned proof", () => {
  test("with a custom signed header stands or falls with that header", async () => {
    const request = await presigned({ headers: { "x-sallyport-binding": "grant nonce" } });
    const { "x-sallyport-binding": _binding, ...without } = request.headers;

    expect(request.query).toContain("X-Amz-SignedHeaders=host%3Bx-sallyport-binding");
    expect(refusal(request)).toBe("accepted");
    expect(refusal({ ...request, headers: without })).toBe("SignatureDoesNotMatch");
    const other = { ...request.headers, "x-sallyport-binding": "grant nonce2" };
    expect(refusal({ ...request, headers: other })).toBe("SignatureDoesNotMatch");
  });

  test("holds when a verifier builds the request again from its parts in another order", async () => {
    const request = await presigned({ headers: { "x-sallyport-binding": "b" } });
    const rebuilt = {
      method: "GET",
      path: "/",
      query: request.query.split("&").reverse().join("&"),
      headers: { accept: "application/json", host: request.headers["host"] ?? "", "x-sallyport-binding": "b" },
      body: Buffer.alloc(0),
    };

    expect(refusal(rebuilt)).toBe("accepted");
  });

  test("is refused with a repeated signature parameter, a second signature, or without the session token", async () => {
    const request = await presigned();
    const withoutToken = request.query.replace(/&?X-Amz-Security-Token=[^&]*/, "");

    expect(refusal({ ...request, query: `${request.query}&X-Amz-Date=20260601T120000Z` })).toBe("IncompleteSignature");
    const both = { ...request.headers, authorization: "AWS4-HMAC-SHA256 Credential=x" };
    expect(refusal({ ...request, headers: both })).toBe("IncompleteSignature");
    expect(refusal({ ...request, query: withoutToken })).toBe("InvalidClientTokenId");
  });

  test("lives 15 minutes from its date whatever X-Amz-Expires says", async () => {
    const request = await presigned();

    expect(request.query).toContain("X-Amz-Expires=60");
    expect(refusal(request, sts, now + signatureMinutesMax.query * minute)).toBe("accepted");
    expect(refusal(request, sts, now + signatureMinutesMax.query * minute + 1)).toBe("SignatureDoesNotMatch");
    expect(refusal(request, sts, now - signatureMinutesMax.query * minute)).toBe("accepted");
    expect(refusal(request, sts, now - signatureMinutesMax.query * minute - 1)).toBe("SignatureDoesNotMatch");
  });
});

describe("a request is refused under the name that its protocol has for it", () => {
  test.each([
    [
      "no signature",
      async () => ({ ...(await presigned()), query: "Action=GetCallerIdentity" }),
      "MissingAuthenticationToken",
    ],
    ["a broken credential", async () => replaced(await presigned(), /%2Faws4_request/, ""), "IncompleteSignature"],
    [
      "an unknown key",
      async () => replaced(await presigned(), /ASIA[A-Z2-7]{16}/, "ASIAAAAAAAAAAAAAAAAA"),
      "InvalidClientTokenId",
    ],
    ["another service's scope", () => presigned({}, { service: "iam" }), "SignatureDoesNotMatch"],
    ["another region's scope", () => presigned({}, { region: "us-west-2" }), "SignatureDoesNotMatch"],
    [
      "a scope of another day",
      async () => replaced(await presigned(), /%2F20260601%2F/, "%2F20260602%2F"),
      "SignatureDoesNotMatch",
    ],
    [
      "a wrong secret",
      () => presigned({}, { credentials: { ...session, secretAccessKey: "wrong" } }),
      "SignatureDoesNotMatch",
    ],
    [
      "a wrong session token",
      () => presigned({}, { credentials: { ...session, sessionToken: "wrong" } }),
      "InvalidClientTokenId",
    ],
    [
      "a session token for long-term keys",
      () => presigned({}, { credentials: { ...longTerm, sessionToken: "x" } }),
      "InvalidClientTokenId",
    ],
  ])("query: %s", async (_what, request, code) => {
    expect(refusal(await request())).toBe(code);
  });

  test("query: expired credentials, told only to who has the secret", async () => {
    const later = now + 3_600_000;
    const good = await presigned({}, { at: later });
    const forged = await presigned({}, { at: later, credentials: { ...session, secretAccessKey: "wrong" } });

    expect(refusal(good, sts, later - 1)).toBe("accepted");
    expect(refusal(good, sts, later)).toBe("ExpiredToken");
    expect(refusal(forged, sts, later)).toBe("SignatureDoesNotMatch");
  });

  test("json: each of them", async () => {
    const request = await signed({ body: "{}" });
    const unknown = request.headers["authorization"]?.replace(/ASIA[A-Z2-7]{16}/, "ASIAAAAAAAAAAAAAAAAA") ?? "";
    const { authorization: _authorization, ...anonymous } = request.headers;
    const later = now + 3_600_000;

    expect(refusal({ ...request, headers: anonymous }, sso)).toBe("MissingAuthenticationTokenException");
    expect(refusal({ ...request, headers: { ...request.headers, authorization: unknown } }, sso)).toBe(
      "UnrecognizedClientException",
    );
    expect(refusal({ ...request, body: Buffer.from("[]") }, sso)).toBe("InvalidSignatureException");
    expect(refusal(await signed({ body: "{}" }, { at: later }), sso, later)).toBe("ExpiredTokenException");
  });

  test("json: a signature older or newer than 5 minutes", async () => {
    const request = await signed({ body: "{}" });

    expect(refusal(request, sso, now + signatureMinutesMax.json * minute)).toBe("accepted");
    expect(refusal(request, sso, now + signatureMinutesMax.json * minute + 1)).toBe("InvalidSignatureException");
    expect(refusal(request, sso, now - signatureMinutesMax.json * minute - 1)).toBe("InvalidSignatureException");
  });

  test("json: a target that is not signed, so that a signature cannot be moved to another operation", async () => {
    const request = await signed({ body: "{}" });
    const moved = { ...request, headers: { ...request.headers, "x-amz-target": "SWB.DeletePermissionSet" } };

    expect(refusal(moved, sso)).toBe("InvalidSignatureException");
  });
});

function replaced(request: HttpRequest, pattern: RegExp, by: string): HttpRequest {
  return { ...request, query: request.query.replace(pattern, by) };
}
