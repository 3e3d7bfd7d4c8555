import { expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { nonceLifeMs, Nonces, noncesMax } from "./nonces.ts";

const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));

it("takes a nonce back once, and only while it is fresh", () => {
  const clock = manualClock();
  const nonces = new Nonces(clock, random);
  const used = nonces.issue();
  const old = nonces.issue();

  expect(nonces.redeem(used)).toBe(true);
  expect(nonces.redeem(used)).toBe(false);
  expect(nonces.redeem("never issued")).toBe(false);
  clock.advance(nonceLifeMs + 1);
  expect(nonces.redeem(old)).toBe(false);
});

it("holds at most its limit, whoever asks: the oldest is forgotten first", () => {
  const nonces = new Nonces(manualClock(), random);
  const first = nonces.issue();
  const second = nonces.issue();

  for (let count = 2; count <= noncesMax; count += 1) {
    nonces.issue();
  }

  expect(nonces.redeem(first)).toBe(false);
  expect(nonces.redeem(second)).toBe(true);
});
