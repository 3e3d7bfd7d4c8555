import { expect, it } from "vitest";
import { silentLog, type Log } from "#lib/log.ts";
import { AwsFailure } from "../../aws/ports.ts";
import { Comeback, probeMaxMs, probeMinMs } from "./comeback.ts";

const expired = new AwsFailure("credentials", "ExpiredTokenException", "sso:TagResource", "expired");
const down = new AwsFailure("unavailable", "InternalServerException", "ssm:DescribeSessions", "down");

function setUp() {
  const woken: string[] = [];
  const logged: string[] = [];
  const log: Log = {
    ...silentLog,
    error: (message) => void logged.push(message),
    info: (message) => void logged.push(message),
  };
  const comeback = new Comeback();
  const fail = (key: string, isRevoking: boolean, failure = expired, account = "1"): number | undefined =>
    comeback.failed(key, failure, account, { isRevoking, wake: (priority) => woken.push(`${priority} ${key}`) }, log);
  return { comeback, fail, woken, logged, log };
}

it("lets one try for all, a revocation if there is one, and wakes all when it works: revocations first", () => {
  const { comeback, fail, woken, log } = setUp();
  expect(fail("give-1", false)).toBe(probeMinMs);
  expect(fail("give-2", false)).toBeUndefined();
  expect(fail("revoke-1", true)).toBeDefined();
  expect(fail("give-1", false)).toBeUndefined();
  fail("revoke-2", true);

  comeback.worked("revoke-1", log);

  expect(woken).toEqual(["revoke revoke-2", "change give-1", "change give-2"]);
});

it("tries less and less often, within bounds", () => {
  const { fail } = setUp();

  const waits = Array.from({ length: 6 }, () => fail("g", true));

  expect(waits.slice(0, 2)).toEqual([probeMinMs, 2 * probeMinMs]);
  expect(waits.at(-1)).toBe(probeMaxMs);
});

it("does not take what works elsewhere for a sign: services of other accounts, other Grants", () => {
  const { comeback, fail, woken, log } = setUp();
  fail("a", true, down, "1");
  fail("b", true, down, "1");
  fail("c", true, down, "2");

  comeback.worked("c", log);
  comeback.worked("never failed", log);
  expect(woken).toEqual([]);

  comeback.gone("a");
  expect(fail("b", true, down, "1")).toBeDefined();
});

it("says once that the credentials are refused, and once that they work again", () => {
  const { comeback, fail, logged, log } = setUp();
  fail("a", true);
  fail("b", true);

  comeback.worked("a", log);
  comeback.worked("b", log);

  expect(logged).toHaveLength(2);
  expect(logged[0]).toContain("does not accept the controller's credentials");
});

it("leaves to the back-off what is nobody else's trouble", () => {
  const { fail } = setUp();

  expect(fail("a", true, new AwsFailure("invalid", "ValidationException", "sso:TagResource", "no"))).toBeUndefined();
  expect(fail("a", true, new AwsFailure("unavailable", "OperationFailed", "sso:Provision", "no"))).toBeUndefined();
});
