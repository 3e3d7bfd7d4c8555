import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { startSandbox } from "#sandbox/main.ts";
import type { Sandbox } from "#sandbox/sandbox.ts";
import { type Audience, createProof, type ProofCredentials, type ProofVerifier, verifyProof } from "#wire/proof.ts";

let sandbox: Sandbox;
let verifier: ProofVerifier;
let ada: ProofCredentials;

const audience: Audience = {
  purpose: "connect",
  installation: "demo",
  proxy: "default/main",
  grantID: "g1",
  nonce: "n1",
};

beforeAll(async () => {
  sandbox = await startSandbox();
  verifier = { sts: { url: sandbox.url, region: sandbox.region }, clock: systemClock, fetch: globalThis.fetch };
  const issued = sandbox.credentialsFor("ada", "sallyport");
  ada = {
    accessKeyId: issued.accessKeyID,
    secretAccessKey: issued.secretAccessKey,
    ...(issued.sessionToken === undefined ? {} : { sessionToken: issued.sessionToken }),
  };
});

afterAll(() => sandbox.stop());

describe("an identity proof", () => {
  it("shows who signed it, with the role's unique id", async () => {
    const proof = await createProof(audience, ada, verifier.sts, new Date());

    const identity = await verifyProof(proof, audience, verifier);

    expect(identity).toMatchObject({
      accountID: "111122223333",
      roleID: expect.stringMatching(/^AROA/),
      role: { sessionName: "ada", roleName: expect.stringMatching(/^AWSReservedSSO_sallyport_[0-9a-f]{16}$/) },
    });
  });

  it.each<[string, Partial<Audience>]>([
    ["another grant", { grantID: "g2" } as Partial<Audience>],
    ["another proxy", { proxy: "default/other" } as Partial<Audience>],
    ["another nonce", { nonce: "n2" }],
    ["another installation", { installation: "other" }],
  ])("is worthless for %s", async (_, change) => {
    const proof = await createProof(audience, ada, verifier.sts, new Date());

    const verdict = await verifyProof(proof, { ...audience, ...change } as Audience, verifier);

    expect(verdict).toMatchObject({ refused: "rejected" });
  });

  it.each(["20269999T999999Z", "20260230T250000Z"])("is refused unasked when its date is none: %s", async (date) => {
    const proof = await createProof(audience, ada, verifier.sts, new Date());
    const credential = proof.credential.replace(/\/\d{8}\//, `/${date.slice(0, 8)}/`);

    const verdict = await verifyProof({ ...proof, credential, date }, audience, {
      ...verifier,
      fetch: () => Promise.reject(new Error("nobody is to be asked")),
    });

    expect(verdict).toMatchObject({ refused: "expired" });
  });

  it("is worthless for another purpose, and no part of an audience can pose as the next", async () => {
    const proof = await createProof(audience, ada, verifier.sts, new Date());
    const login: Audience = { purpose: "login", installation: "demo", nonce: "n1" };
    const spliced: Audience = { ...audience, proxy: "default/main grantID=g1", grantID: "" };

    expect(await verifyProof(proof, login, verifier)).toMatchObject({ refused: "rejected" });
    expect(await verifyProof(proof, spliced, verifier)).toMatchObject({ refused: "rejected" });
  });

  it("is refused when it is older than a minute, before STS is asked", async () => {
    const proof = await createProof(audience, ada, verifier.sts, new Date(Date.now() - 61_000));
    const asked = { ...verifier, fetch: () => Promise.reject(new Error("asked")) };

    expect(await verifyProof(proof, audience, asked)).toMatchObject({ refused: "expired" });
  });

  it("is refused when its signature or token was changed", async () => {
    const proof = await createProof(audience, ada, verifier.sts, new Date());
    const signature = proof.signature.replace(/^./, (digit) => (digit === "0" ? "1" : "0"));

    expect(await verifyProof({ ...proof, signature }, audience, verifier)).toMatchObject({ refused: "rejected" });
    expect(await verifyProof({ ...proof, securityToken: "x" }, audience, verifier)).toMatchObject({
      refused: "rejected",
    });
  });

  it("is refused unread when it does not have the exact form", async () => {
    const proof = await createProof(audience, ada, verifier.sts, new Date());
    const asked = { ...verifier, fetch: () => Promise.reject(new Error("asked")) };

    for (const bad of [
      undefined,
      "proof",
      { ...proof, credential: `${proof.credential}&Action=AssumeRole` },
      { ...proof, credential: proof.credential.replace("/sts/", "/iam/") },
      { ...proof, date: "2026" },
      { ...proof, signature: `${proof.signature}0` },
      { ...proof, securityToken: "x".repeat(8_193) },
    ]) {
      expect(await verifyProof(bad, audience, asked)).toMatchObject({ refused: "malformed" });
    }
  });

  it("does not count for a user of IAM, whose name anybody could have chosen", async () => {
    const { accessKeyID, secretAccessKey } = sandbox.controllerCredentials;
    const user = { accessKeyId: accessKeyID, secretAccessKey };
    const proof = await createProof(audience, user, verifier.sts, new Date());

    expect(await verifyProof(proof, audience, verifier)).toMatchObject({ refused: "not-a-role" });
  });

  it("is not accepted from an STS that answers in another form, and may be tried again when STS fails", async () => {
    const proof = await createProof(audience, ada, verifier.sts, new Date());
    const answering = (body: string, init: ResponseInit) => ({
      ...verifier,
      fetch: () => Promise.resolve(new Response(body, init)),
    });
    const json = { "content-type": "application/json" };

    expect(await verifyProof(proof, audience, answering("{}", { headers: json }))).toMatchObject({
      refused: "rejected",
    });
    expect(await verifyProof(proof, audience, answering("<x/>", {}))).toMatchObject({ refused: "rejected" });
    expect(await verifyProof(proof, audience, answering("", { status: 503 }))).toMatchObject({
      refused: "unavailable",
    });
  });
});
