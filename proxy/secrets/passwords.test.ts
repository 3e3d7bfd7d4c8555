import { expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { freshReadEveryMs, Passwords, type ReadSecret, refusedHoldMs, secretCacheMs } from "./passwords.ts";

const login = { secretARN: "arn", username: "ro", host: "db.test", port: 5_432 };

/** Passwords whose secret holds the next of `texts` with each read, and in the end the last one for ever. */
function reading(...texts: readonly string[]) {
  const clock = manualClock();
  let reads = 0;
  const read: ReadSecret = () => {
    reads += 1;
    return Promise.resolve(JSON.stringify({ username: "ro", password: texts[Math.min(reads, texts.length) - 1] }));
  };
  return { clock, passwords: new Passwords(read, clock), reads: () => reads };
}

it("reads a secret once for a while, again when the while is over, and at once when asked to", async () => {
  const { clock, passwords } = reading("p1", "p2", "p3");
  const source = passwords.source(login);

  const first = await source.get(false);
  const cached = await source.get(false);
  const fresh = await source.get(true);
  clock.advance(secretCacheMs);
  const later = await source.get(false);

  expect([first, cached, fresh, later].map((secret) => secret.reveal())).toEqual(["p1", "p1", "p2", "p3"]);
});

it("refused logins by the dozen read the secret once in a while, not once each", async () => {
  const { clock, passwords, reads } = reading("wrong");
  const source = passwords.source(login);
  const refused = await source.get(false);

  for (let attempts = 0; attempts < 12; attempts += 1) {
    await source.get(true, refused);
  }
  expect(reads()).toBe(2);
  clock.advance(freshReadEveryMs);
  await source.get(true, refused);

  expect(reads()).toBe(3);
});

it("a password that was refused is not sent again for a while, and then by one who tries", async () => {
  const { clock, passwords } = reading("wrong");
  const source = passwords.source(login);
  await source.get(true, await source.get(false));

  await expect(source.get(false)).rejects.toMatchObject({ health: "AuthenticationFailed" });
  clock.advance(refusedHoldMs);
  const tried = await source.get(false);
  await expect(source.get(false)).rejects.toMatchObject({ health: "AuthenticationFailed" });
  source.accepted?.(tried);

  expect((await source.get(false)).reveal()).toBe("wrong");
});

it("a secret that changes ends the wait", async () => {
  const { clock, passwords } = reading("wrong", "wrong", "right");
  const source = passwords.source(login);
  await source.get(true, await source.get(false));

  clock.advance(freshReadEveryMs);

  expect((await source.get(false)).reveal()).toBe("right");
});

it("what one server refuses is sent to another that uses the same secret", async () => {
  const { passwords } = reading("same");
  const here = passwords.source(login);
  await here.get(true, await here.get(false));

  const there = passwords.source({ ...login, host: "other.test" });

  expect((await there.get(false)).reveal()).toBe("same");
});

it("does not keep a failure", async () => {
  let reads = 0;
  const passwords = new Passwords(() => {
    reads += 1;
    return reads === 1 ? Promise.reject(new Error("AccessDenied")) : Promise.resolve('{"password":"p"}');
  }, manualClock());

  await expect(passwords.source(login).get(false)).rejects.toMatchObject({ health: "SecretUnreadable" });
  expect((await passwords.source(login).get(false)).reveal()).toBe("p");
});

it.each([
  ["hunter2"],
  ['{"pass":"hunter2"}'],
  ['{"password":7,"x":"hunter2"}'],
  ['["hunter2"]'],
  ['{"password":""}'],
  ["null"],
  [undefined],
])("a secret of another form (%s) is an error that shows nothing of it", async (text) => {
  const attempt = new Passwords(() => Promise.resolve(text), manualClock()).source(login).get(false);

  await expect(attempt).rejects.toMatchObject({ health: "SecretUnreadable" });
  await expect(attempt).rejects.not.toThrow(/hunter2/);
});

it("a secret of another user is not used, and neither name nor password of it is shown", async () => {
  const text = JSON.stringify({
    username: "postgres",
    password: "hunter2",
    engine: "postgres",
    host: "db",
    port: 5432,
  });
  const attempt = new Passwords(() => Promise.resolve(text), manualClock()).source(login).get(false);

  await expect(attempt).rejects.toMatchObject({
    health: "SecretUnreadable",
    message: expect.stringContaining('another user than "ro"'),
  });
  await expect(attempt).rejects.not.toThrow(/hunter2|postgres/);
});

it.each([
  ["AccessDeniedException", "User: arn is not authorized to perform: secretsmanager:GetSecretValue", "secret-denied"],
  ["AccessDeniedException", "Access to KMS is not allowed", "secret-key-denied"],
  ["DecryptionFailure", "cannot decrypt", "secret-key-denied"],
  ["ResourceNotFoundException", "Secrets Manager can't find the specified secret.", "secret-missing"],
  ["InvalidRequestException", "You can't perform this operation: it was marked for deletion.", "secret-missing"],
  ["InternalServiceError", "try again", undefined],
])("tells what an administrator can mend: %s, %s", async (name, message, problem) => {
  const read: ReadSecret = () => Promise.reject(Object.assign(new Error(message), { name }));

  const refused = await new Passwords(read, manualClock())
    .source(login)
    .get(false)
    .catch((error: unknown) => error);

  expect(refused).toMatchObject({ health: "SecretUnreadable", problem });
});

it.each([
  ['"text"', "secret-malformed"],
  ['{"username":"other","password":"p"}', "secret-of-other-user"],
])("tells what is wrong with a secret's content: %s", async (text, problem) => {
  const passwords = new Passwords(() => Promise.resolve(text), manualClock());

  await expect(passwords.source(login).get(false)).rejects.toMatchObject({ problem });
});
