import { expect, it } from "vitest";
import type { AccountPort, AwsPorts, IdentityCenterPort, IdentityStorePort } from "../aws/ports.ts";
import { guardPorts } from "./guard-ports.ts";
import { alwaysLeading, NotLeading, type Leadership } from "./leadership.ts";

/** Ports that note the methods called on them. */
function notingPorts(): { ports: AwsPorts; called: string[] } {
  const called: string[] = [];
  const port = new Proxy({}, { get: (_, name) => async () => void called.push(String(name)) });
  const ports: AwsPorts = {
    instances: async () => [],
    identityCenter: () => port as IdentityCenterPort,
    identityStore: () => port as IdentityStorePort,
    account: () => port as AccountPort,
  };
  return { ports, called };
}

const place = { instanceARN: "arn:aws:sso:::instance/1", region: "eu-west-1" };
const account = { accountID: "111122223333", region: "eu-west-1" };
const follower: Leadership = {
  ...alwaysLeading,
  isLeading: () => false,
  assertLeading(call) {
    throw new NotLeading(call);
  },
};

it("lets nothing be written by a replica that does not lead, and says so as a failure that is tried again", async () => {
  const { ports, called } = notingPorts();
  const guarded = guardPorts(ports, follower);

  const created = guarded
    .identityCenter(place)
    .createAssignment({ permissionSetARN: "", accountID: "", principalID: "" });
  const ended = guarded.account(account).terminateSessions({ userName: "", targets: [], permissionSetName: "" });

  await expect(created).rejects.toMatchObject({
    failure: "unavailable",
    code: "NotLeading",
    call: "sso:CreateAccountAssignment",
  });
  await expect(ended).rejects.toThrow(NotLeading);
  expect(called).toEqual([]);
});

it("asks at every call: the lease may have ended since the port was made", async () => {
  const { ports, called } = notingPorts();
  let isLeading = true;
  const port = guardPorts(ports, {
    ...alwaysLeading,
    assertLeading: (call) => {
      if (!isLeading) {
        throw new NotLeading(call);
      }
    },
  }).identityCenter(place);

  await port.deletePermissionSet("arn");
  isLeading = false;
  const second = port.deletePermissionSet("arn");

  await expect(second).rejects.toThrow(NotLeading);
  expect(called).toEqual(["deletePermissionSet"]);
});

it("lets every replica look", async () => {
  const { ports, called } = notingPorts();

  await guardPorts(ports, follower).identityCenter(place).getPermissionSet("arn");
  await guardPorts(ports, follower).account(account).getRole("role");

  expect(called).toEqual(["getPermissionSet", "getRole"]);
});
