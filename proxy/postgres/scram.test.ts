import { describe, expect, it } from "vitest";
import { Secret } from "#lib/secret.ts";
import { md5Response } from "./md5.ts";
import { ScramClient, scramIterationsMax } from "./scram.ts";

// RFC 7677 section 3 gives this exchange for user "user"; the user name is empty in Postgres, so the proof differs while
// nonce, salt and count are the RFC's. The proof below was computed with Python's hashlib over the same message.
const nonce = "rOprNGfwEbeRWgbNEkqO";
const serverFirst = `r=${nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`;

describe("ScramClient", () => {
  it("answers the exchange of RFC 7677 and takes a server that proves itself, and no other", async () => {
    const client = new ScramClient(new Secret("pencil"), { kind: "none" }, nonce);

    const final = await client.final(serverFirst);

    expect(client.first()).toBe(`n,,n=,r=${nonce}`);
    expect(final).toMatch(/^c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj\)hNlF\$k0,p=[A-Za-z0-9+/]{43}=$/);
    expect(final).toBe(
      `c=biws,r=${nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=qvT2SWdEH5Q06albL+hjSYuUhCG7VndFyzIb7CK4n9k=`,
    );
    expect(() => client.verify("v=3HO6Qt1M4MKJrmlKaoOqLAI0/0TV0HZe7J9H3MBtSOg=")).not.toThrow();
    expect(() => client.verify("v=AAAA")).toThrow("did not prove");
    expect(() => client.verify("e=other-error")).toThrow("did not prove");
  });

  it("binds to the server's certificate, or says that it could have", () => {
    const bound = new ScramClient(new Secret("p"), { kind: "bound", data: Buffer.from("hash") }, nonce);
    const offered = new ScramClient(new Secret("p"), { kind: "offered-by-client" }, nonce);

    expect([bound.mechanism, bound.first().slice(0, 24)]).toEqual(["SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,"]);
    expect([offered.mechanism, offered.first().slice(0, 3)]).toEqual(["SCRAM-SHA-256", "y,,"]);
  });

  it.each([
    ["a count above the limit", `r=${nonce}x,s=eHh4eA==,i=${scramIterationsMax + 1}`],
    ["a count that breaks in seconds", `r=${nonce}x,s=eHh4eA==,i=1`],
    ["no count", `r=${nonce}x,s=eHh4eA==`],
    ["another nonce", "r=x,s=eHh4eA==,i=4096"],
    ["our nonce alone", `r=${nonce},s=eHh4eA==,i=4096`],
    ["no salt", `r=${nonce}x,s=,i=4096`],
    ["a mandatory extension", `m=ext,r=${nonce}x,s=eHh4eA==,i=4096`],
    ["nothing", ""],
  ])("refuses a server that sends %s", async (_what, message) => {
    const client = new ScramClient(new Secret("p"), { kind: "none" }, nonce);

    await expect(client.final(message)).rejects.toThrow("SCRAM");
  });
});

it("md5 is hashed twice, with the user and then with the salt", () => {
  expect(md5Response("md5user", new Secret("md5pass"), Buffer.from([1, 2, 3, 4]))).toBe(
    "md5b5dfd8fbdd6fc9174cc8e85dfa598fa2",
  );
});
