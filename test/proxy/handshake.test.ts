import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { LinkGrant } from "#wire/link.ts";
import type { ProofCredentials } from "#wire/proof.ts";
import { createProof } from "#wire/proof.ts";
import { ProxyStream } from "./client.ts";
import {
  foreignAccountID,
  installation,
  makeRole,
  prove,
  proxyName,
  type ProxyStand,
  startProxyStand,
} from "./harness.ts";

let stand: ProxyStand;
let grant: LinkGrant;
let credentials: ProofCredentials;

beforeAll(async () => {
  stand = await startProxyStand();
});
afterAll(() => stand?.stop());
beforeEach(async () => {
  grant = stand.makeGrant();
  credentials = stand.credentialsOf(stand.roleOf(grant));
  await tell(grant);
});

/** Tells the proxy of grants and waits until it has them: it answers a ping after the messages before it. */
async function tell(...grants: LinkGrant[]): Promise<void> {
  for (const one of grants) {
    stand.controller.tell(one);
  }
  for (const one of grants) {
    for (let known = false; !known;) {
      const { stream, hello } = await ProxyStream.open(stand.proxy.port);
      stream.send({ type: "prove", grantID: one.grantID, proof: {}, client: "" });
      const answer = await stream.next("refuse");
      known = hello.nonce !== "" && answer.type === "refuse" && answer.code !== "grant-unknown";
      stream.socket.destroy();
    }
  }
}

describe("the grant handshake", () => {
  it("welcomes the grant's person with a ticket, through STS that really checks the signature", async () => {
    const { stream, answer } = await prove(stand, grant.grantID, credentials);

    expect(answer).toMatchObject({ type: "welcome", ticket: expect.stringMatching(/^[\w-]{43}$/) });
    expect(answer.type === "welcome" && answer.ticketLifeMs).toBe(15 * 60_000);
    stream.socket.destroy();
  });

  it("begins after the controller was told of the audit spool", () => {
    expect(stand.controller.statuses[0]?.audit).toMatchObject({ records: 0, denied: 0, bytesMax: 480 * 1024 * 1024 });
  });

  it("refuses a proof that was made for another stream's nonce", async () => {
    const { answer } = await prove(stand, grant.grantID, credentials, { nonce: "an-earlier-nonce" });

    expect(answer).toMatchObject({ type: "refuse", code: "proof-refused" });
  });

  it("refuses the very proof that was accepted on another stream", async () => {
    const first = await ProxyStream.open(stand.proxy.port);
    const sts = { url: stand.sandbox.url, region: stand.sandbox.region };
    const audience = { purpose: "connect", installation, proxy: proxyName, grantID: grant.grantID } as const;
    const proof = await createProof({ ...audience, nonce: first.hello.nonce }, credentials, sts, new Date());
    const message = { type: "prove", grantID: grant.grantID, proof, client: "" };
    first.stream.send(message);
    const accepted = await first.stream.next("welcome", "refuse");
    const second = await ProxyStream.open(stand.proxy.port);
    second.stream.send(message);

    expect(accepted.type).toBe("welcome");
    expect(await second.stream.next("welcome", "refuse")).toMatchObject({ type: "refuse", code: "proof-refused" });
    first.stream.socket.destroy();
  });

  it("takes a nonce once: a second proof on the same stream ends it", async () => {
    const { stream } = await prove(stand, grant.grantID, credentials);

    stream.send({ type: "prove", grantID: grant.grantID, proof: {}, client: "" });

    await expect(stream.next("welcome")).rejects.toThrow("closed");
  });

  it.each([
    ["another proxy", { proxy: "default/other" }],
    ["another installation", { installation: "elsewhere" }],
  ])("refuses a proof for %s", async (_what, change) => {
    const { answer } = await prove(stand, grant.grantID, credentials, change);

    expect(answer).toMatchObject({ type: "refuse", code: "proof-refused" });
  });

  it("refuses a proof for another grant, even one of the same person", async () => {
    const other = stand.makeGrant();
    await tell(other);

    const signedForOther = await prove(stand, other.grantID, credentials, { sentAs: grant.grantID });
    const roleOfOther = await prove(stand, other.grantID, credentials);

    expect(signedForOther.answer).toMatchObject({ type: "refuse", code: "proof-refused" });
    expect(roleOfOther.answer).toMatchObject({ type: "refuse", code: "wrong-role" });
  });

  it("refuses a look-alike role name in the same account, outside the reserved path", async () => {
    const lookAlike = makeRole(stand.sandbox, grant.grantID, { path: "/" });

    const { answer } = await prove(stand, grant.grantID, stand.credentialsOf(lookAlike));

    expect(answer).toMatchObject({ type: "refuse", code: "wrong-role" });
  });

  it("refuses a look-alike role in another account", async () => {
    const lookAlike = makeRole(stand.sandbox, grant.grantID, { accountID: foreignAccountID });

    const { answer } = await prove(stand, grant.grantID, stand.credentialsOf(lookAlike));

    expect(answer).toMatchObject({ type: "refuse", code: "wrong-account" });
  });

  it("refuses another person in the grant's own role", async () => {
    const { answer } = await prove(stand, grant.grantID, stand.credentialsOf(stand.roleOf(grant), "linus"));

    expect(answer).toMatchObject({ type: "refuse", code: "wrong-person" });
  });

  it("refuses a proof signed too long ago, and one signed with a wrong key", async () => {
    const old = await prove(stand, grant.grantID, credentials, { signedAt: new Date(Date.now() - 61_000) });
    const forged = await prove(stand, grant.grantID, { ...credentials, secretAccessKey: "guessed" });

    expect(old.answer).toMatchObject({ type: "refuse", code: "proof-refused" });
    expect(forged.answer).toMatchObject({ type: "refuse", code: "proof-refused" });
  });

  it("tells the grant's person that it has ended, and a stranger nothing of the sort", async () => {
    const role = stand.roleOf(grant);
    stand.controller.tell({ ...grant, state: "ended", remainingMs: 0, end: "revoked", endReason: "task is done" });
    await stand.controller.until(() => stand.controller.cuts.some((cut) => cut.grantID === grant.grantID));

    const own = await prove(stand, grant.grantID, stand.credentialsOf(role));
    const stranger = await prove(stand, grant.grantID, stand.credentialsOf(role, "linus"));

    expect(own.answer).toMatchObject({ code: "grant-ended", message: "this access was revoked: task is done" });
    expect(stranger.answer).toMatchObject({ code: "wrong-person" });
  });

  it("refuses an unknown grant, as something that may pass", async () => {
    const { answer } = await prove(stand, "gzzzzzzzzzzzzzzzzzzzzzzzzzz", credentials);

    expect(answer).toMatchObject({ type: "refuse", code: "grant-unknown", retryable: true });
  });

  it("refuses a proof that is none, a first message that is none, and a ticket nobody was given", async () => {
    const noProof = await ProxyStream.open(stand.proxy.port);
    noProof.stream.send({ type: "prove", grantID: grant.grantID, proof: { credential: 1 }, client: "" });
    const noHandshake = await ProxyStream.open(stand.proxy.port);
    noHandshake.stream.send({ type: "hello" });
    const noTicket = await ProxyStream.open(stand.proxy.port);
    noTicket.stream.send({ type: "open", ticket: "A".repeat(43) });

    expect(await noProof.stream.next("refuse")).toMatchObject({ code: "proof-refused" });
    expect(await noHandshake.stream.next("refuse")).toMatchObject({ code: "malformed" });
    expect(await noTicket.stream.next("refuse")).toMatchObject({ code: "ticket-unknown", spoken: true });
    noTicket.stream.socket.destroy();
  });

  it("cuts off a stream that begins with anything else than the handshake", async () => {
    const { stream } = await ProxyStream.open(stand.proxy.port);

    stream.socket.write("GET / HTTP/1.1\r\n\r\n");

    await expect(stream.next("welcome")).rejects.toThrow("closed");
  });
});
