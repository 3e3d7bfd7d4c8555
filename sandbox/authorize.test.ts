import { expect, test } from "vitest";
import { type AccessRequest, callerContext, createAuthorize, type Verdict } from "./authorize.ts";
import type { Call, Caller } from "./service.ts";

const session: Caller = {
  accountID: "111122223333",
  arn: "arn:aws:sts::111122223333:assumed-role/r/ada",
  userID: "AROAX:ada",
  roleARN: "arn:aws:iam::111122223333:role/path/r",
  accessKeyID: "ASIAX",
  permissions: () => [],
};

function call(caller: Caller | undefined): Call {
  return { requestID: "q", region: "eu-west-1", caller, headers: {} };
}

function judged(verdict: Verdict, caller: Caller | undefined = session): unknown {
  try {
    createAuthorize(() => verdict)(call(caller), "sso:X", "arn:r");
    return "passed";
  } catch (error) {
    return (error as Error).message;
  }
}

test("a denial has AWS's words, which say whether a policy denies or merely none allows", () => {
  const start = `User: ${session.arn} is not authorized to perform: sso:X on resource: arn:r`;

  expect(judged("allow")).toBe("passed");
  expect(judged("implicit-deny")).toBe(`${start} because no identity-based policy allows the sso:X action`);
  expect(judged("explicit-deny")).toBe(`${start} with an explicit deny in an identity-based policy`);
});

test("an administrator passes without a policy, and nobody without credentials passes", () => {
  expect(judged("explicit-deny", { ...session, permissions: () => "administrator" })).toBe("passed");
  const nobody = () => createAuthorize(() => "allow")(call(undefined), "sso:X", "arn:r");
  expect(nobody).toThrow(expect.objectContaining({ code: "AccessDeniedException" }));
});

test("policies see the role's ARN of a session and no user name; a user has a name and its own ARN", () => {
  const { roleARN: _roleARN, ...user } = { ...session, arn: "arn:aws:iam::111122223333:user/c", userID: "AIDAX" };

  expect(callerContext(call(session))).toEqual({
    "aws:userid": "AROAX:ada",
    "aws:PrincipalArn": "arn:aws:iam::111122223333:role/path/r",
    "aws:PrincipalType": "AssumedRole",
    "aws:PrincipalAccount": "111122223333",
    "aws:RequestedRegion": "eu-west-1",
  });
  expect(callerContext(call(user))).toMatchObject({
    "aws:username": "c",
    "aws:PrincipalArn": "arn:aws:iam::111122223333:user/c",
  });
});

test("what a service adds to the context goes before what the caller gives, and each call asks anew", () => {
  const asked: AccessRequest[] = [];
  const authorize = createAuthorize((_policies, request) => {
    asked.push(request);
    return "allow";
  });
  let reads = 0;
  const caller: Caller = { ...session, permissions: () => ((reads += 1), []) };

  authorize(call(caller), "ssm:A", "arn:r", { "ssm:resourceTag/p": "x", "aws:userid": "other" });
  authorize(call(caller), "ssm:B", "arn:r");

  expect(asked[0]?.context).toMatchObject({ "ssm:resourceTag/p": "x", "aws:userid": "other" });
  expect(reads).toBe(2);
});
