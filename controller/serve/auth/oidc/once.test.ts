import { beforeEach, describe, expect, it } from "vitest";
import { type ManualClock, manualClock } from "#lib/clock.ts";
import { oidcNonceLifeMs, oidcNoncesMax, OnlyOnce, redeemedLifeMs, usedMax } from "./once.ts";

const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));
let clock: ManualClock;
let once: OnlyOnce;

beforeEach(() => {
  clock = manualClock();
  once = new OnlyOnce(clock, random);
});

const issuedSeconds = (): number => Math.floor(clock.now() / 1_000);
const take = (token: string, nonce: string | undefined, subject = "ada") =>
  once.take(token, { nonce, subject, issuedSeconds: issuedSeconds() });

describe("a nonce for a sign-in at the issuer", () => {
  it("is good for ten minutes", () => {
    const [inTime, late] = [once.issue(), once.issue()];
    clock.advance(oidcNonceLifeMs);
    expect(take("t1", inTime)).toBeUndefined();
    clock.advance(1);

    expect(take("t2", late)).toBe("NonceUnknown");
  });

  it("comes back with refreshed tokens of the same person for twelve hours", () => {
    const nonce = once.issue();
    expect(take("t1", nonce)).toBeUndefined();
    clock.advance(redeemedLifeMs);

    expect(take("t2", nonce, "grace")).toBe("NonceUnknown");
    expect(take("t3", nonce)).toBeUndefined();
    clock.advance(1);
    expect(take("t4", nonce)).toBe("NonceUnknown");
  });

  it("is one of so many: strangers who ask for more push out the oldest that nobody has used", () => {
    const nonces = Array.from({ length: oidcNoncesMax + 1 }, () => once.issue());

    expect(take("t1", nonces[0])).toBe("NonceUnknown");
    expect(take("t2", nonces[1])).toBeUndefined();
  });
});

describe("a token", () => {
  it("is known again as long as it could be believed", () => {
    expect(take("t", undefined)).toBeUndefined();
    clock.advance(420_000);
    expect(take("t", undefined)).toBe("TokenUsed");
  });

  it("is not let in when there are too many to know one again; that passes", () => {
    for (let count = 0; count < usedMax; count += 1) {
      take(`t${count}`, undefined);
    }

    expect(take("one more", undefined)).toBe("TooMany");
    clock.advance(420_001);
    expect(take("one more", undefined)).toBeUndefined();
  });
});
