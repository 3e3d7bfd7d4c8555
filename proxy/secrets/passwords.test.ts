import { expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { Passwords, secretCacheMs } from "./passwords.ts";

it("reads a secret once for a while, again when the while is over, and at once when asked to", async () => {
  const clock = manualClock();
  let reads = 0;
  const passwords = new Passwords(() => {
    reads += 1;
    return Promise.resolve(JSON.stringify({ username: "ro", password: `p${reads}` }));
  }, clock);
  const source = passwords.source("arn");

  const first = await source.get(false);
  const cached = await source.get(false);
  const fresh = await source.get(true);
  clock.advance(secretCacheMs);
  const later = await source.get(false);

  expect([first, cached, fresh, later].map((secret) => secret.reveal())).toEqual(["p1", "p1", "p2", "p3"]);
});

it("does not keep a failure", async () => {
  let reads = 0;
  const passwords = new Passwords(() => {
    reads += 1;
    return reads === 1 ? Promise.reject(new Error("AccessDenied")) : Promise.resolve('{"password":"p"}');
  }, manualClock());

  await expect(passwords.source("arn").get(false)).rejects.toMatchObject({ health: "SecretUnreadable" });
  expect((await passwords.source("arn").get(false)).reveal()).toBe("p");
});

it.each([
  ["hunter2"],
  ['{"pass":"hunter2"}'],
  ['{"password":7,"x":"hunter2"}'],
  ['["hunter2"]'],
  ['{"password":""}'],
  [undefined],
])("a secret of another form (%s) is an error that shows nothing of it", async (text) => {
  const attempt = new Passwords(() => Promise.resolve(text), manualClock()).source("arn").get(false);

  await expect(attempt).rejects.toMatchObject({ health: "SecretUnreadable" });
  await expect(attempt).rejects.not.toThrow(/hunter2/);
});

it("a role without a secret is told to be of a later release", async () => {
  const attempt = new Passwords(() => Promise.resolve(""), manualClock()).source(undefined).get(false);

  await expect(attempt).rejects.toThrow("IAM database authentication");
});
