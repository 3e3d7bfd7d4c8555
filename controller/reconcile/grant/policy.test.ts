import { describe, expect, it } from "vitest";
import { evaluateAccess } from "#sandbox/policy/evaluate.ts";
import { aProxy, place } from "../testing.ts";
import { inlinePolicy, isSessionName, policyFor, samePolicy } from "./policy.ts";

const policy = policyFor(aProxy(), "ada", place.instanceARN);
const task = "arn:aws:ecs:eu-west-1:111122223333:task/sallyport/0123456789abcdef0123456789abcdef";
const document = (name: string) => `arn:aws:ssm:eu-west-1::document/${name}`;
const checked = { "ssm:SessionDocumentAccessCheck": "true" };
const tagged = { ...checked, "ssm:resourceTag/sallyport.dev/proxy": "default/main" };
const userid = "AROAEXAMPLEEXAMPLE123:ada";

/** What the sandbox's evaluator, which decides as IAM does, says of one request. */
function asks(action: string, resource: string, context: Record<string, string> = {}): string {
  const request = { action, resource, context: { "aws:userid": userid, ...context } };
  return evaluateAccess([JSON.parse(policy) as never], request).effect;
}

describe("the permission set's policy", () => {
  it("allows port forwarding to the Proxy's tasks", () => {
    expect(asks("ssm:StartSession", task, tagged)).toBe("Allow");
    expect(asks("ssm:StartSession", document("AWS-StartPortForwardingSession"), checked)).toBe("Allow");
  });

  it.each([
    ["a task of another proxy", task, { ...checked, "ssm:resourceTag/sallyport.dev/proxy": "default/other" }],
    ["a task without a tag", task, checked],
    ["a task of another cluster", task.replace("sallyport/", "other/"), tagged],
    ["a task in another account", task.replace("111122223333", "999988887777"), tagged],
    ["an instance", "arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0", tagged],
    ["the shell", document("SSM-SessionManagerRunShell"), checked],
    ["a remote host", document("AWS-StartPortForwardingSessionToRemoteHost"), checked],
  ])("denies StartSession on %s", (_title, resource, context) => {
    expect(asks("ssm:StartSession", resource, context)).toBe("ImplicitDeny");
  });

  it("checks the document: no statement opens a task where that check is off", () => {
    expect(asks("ssm:StartSession", task, { ...tagged, "ssm:SessionDocumentAccessCheck": "false" })).toBe(
      "ImplicitDeny",
    );
  });

  it("asks for that check in every statement that allows StartSession", () => {
    const { Statement } = JSON.parse(policy) as { Statement: { Action: string | string[]; Condition?: unknown }[] };
    const starting = Statement.filter(({ Action }) => [Action].flat().includes("ssm:StartSession"));

    expect(starting).toHaveLength(2);
    for (const { Condition } of starting) {
      expect(Condition).toMatchObject({ BoolIfExists: { "ssm:SessionDocumentAccessCheck": "true" } });
    }
  });

  it("lets people resume and end their own sessions only", () => {
    const session = "arn:aws:ssm:eu-west-1:111122223333:session/ada-0123456789abcdef0";
    const owner = (id: string) => ({ "ssm:resourceTag/aws:ssmmessages:session-id": id });

    expect(asks("ssm:ResumeSession", session, owner(userid))).toBe("Allow");
    expect(asks("ssm:TerminateSession", session, owner(userid))).toBe("Allow");
    expect(asks("ssm:TerminateSession", session, owner("AROAOTHER:grace"))).toBe("ImplicitDeny");
    expect(asks("ssm:TerminateSession", session)).toBe("ImplicitDeny");
    expect(asks("ssmmessages:OpenDataChannel", session)).toBe("Allow");
    expect(asks("ssmmessages:OpenDataChannel", session.replace("ada-", "grace-"))).toBe("ImplicitDeny");
  });

  it.each(["ecs:ExecuteCommand", "ssm:SendCommand", "sts:AssumeRole", "secretsmanager:GetSecretValue"])(
    "allows no %s",
    (action) => {
      expect(asks(action, "*", tagged)).toBe("ImplicitDeny");
    },
  );

  it("stays below Identity Center's 10,240 bytes with the longest names there are", () => {
    const longest = inlinePolicy({
      partition: "aws-us-gov",
      region: "us-gov-west-1",
      accountID: "111122223333",
      clusterName: "c".repeat(255),
      proxyKey: `${"n".repeat(63)}/${"p".repeat(63)}`,
      userName: "u".repeat(64),
    });

    expect(Buffer.byteLength(longest)).toBeLessThan(10_240);
  });

  it("takes no user name that would mean something in a pattern", () => {
    expect(["ada", "ada.lovelace@example.com"].every(isSessionName)).toBe(true);
    expect(["*", "a?", "${aws:userid}", "a", "ä".repeat(3), "a".repeat(65)].some(isSessionName)).toBe(false);
  });

  it("is the same policy however AWS writes it", () => {
    expect(samePolicy(JSON.stringify(JSON.parse(policy), undefined, 2), policy)).toBe(true);
    expect(samePolicy(policy.replace("true", "false"), policy)).toBe(false);
    expect(samePolicy("not JSON", policy)).toBe(false);
    expect(samePolicy(undefined, policy)).toBe(false);
  });
});
