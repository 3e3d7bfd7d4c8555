import { expect, test } from "vitest";
import { createCredentialRegistry, expiredKeptMs } from "./credentials.ts";
import { randomFrom } from "./ids.ts";
import { createRoleRegistry } from "./roles.ts";

function build() {
  const time = { now: 1_000_000 };
  const random = randomFrom("credentials");
  const roles = createRoleRegistry(random, () => time.now);
  return { time, roles, registry: createCredentialRegistry(random, roles, () => time.now) };
}

test("temporary keys begin with ASIA and have a token, long-term ones with AKIA and have none", () => {
  const { roles, registry } = build();
  const role = roles.create({ accountID: "111122223333", roleName: "r", permissions: [] });
  const identity = { accountID: "111122223333", arn: "a", userID: "u", permissions: () => [] };

  const session = registry.mintForRole(role, "ada", 2_000_000);
  const user = registry.mint({ ...identity, expiresAt: undefined });

  expect(session.accessKeyID).toMatch(/^ASIA[A-Z2-7]{16}$/);
  expect(session.sessionToken).toBeTruthy();
  expect(user.accessKeyID).toMatch(/^AKIA[A-Z2-7]{16}$/);
  expect(user.sessionToken).toBeUndefined();
  expect(user.secretAccessKey).toHaveLength(40);
});

test("rights of a session are its role's of the moment, and none once the role is gone", () => {
  const { roles, registry } = build();
  const role = roles.create({ accountID: "111122223333", roleName: "r", permissions: "administrator" });
  const { accessKeyID } = registry.mintForRole(role, "ada", 2_000_000);
  const rights = () => registry.find(accessKeyID)?.permissions();

  const before = rights();
  role.permissions = [];
  const changed = rights();
  roles.remove(role.roleID);
  roles.create({ accountID: "111122223333", roleName: "r", permissions: "administrator" });

  expect([before, changed, rights()]).toEqual(["administrator", [], []]);
});

test("expired keys are remembered for a day, so that their holder is told that they expired, and then forgotten", () => {
  const { time, roles, registry } = build();
  const role = roles.create({ accountID: "111122223333", roleName: "r", permissions: [] });
  const old = registry.mintForRole(role, "ada", time.now + 1);

  time.now += 1 + expiredKeptMs;
  registry.mintForRole(role, "grace", Infinity);
  const atTheLimit = registry.find(old.accessKeyID);
  time.now += 1;
  registry.mintForRole(role, "grace", Infinity);

  expect(atTheLimit).toBeDefined();
  expect(registry.find(old.accessKeyID)).toBeUndefined();
});
