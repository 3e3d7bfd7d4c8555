import { describe, expect, it } from "vitest";
import type { Caller, PolicyDocument, PolicyStatement } from "../service.ts";
import { echo, otherTargetName, portSession, startBench, targetName } from "./test-bench.ts";
import type { Bench } from "./test-bench.ts";

const document = "arn:aws:ssm:eu-west-1::document/AWS-StartPortForwardingSession";
const checked = { BoolIfExists: { "ssm:SessionDocumentAccessCheck": "true" } };

/** What a grant's permission set says: the tagged tasks, the one document, and the person's own sessions. */
const grantPolicy = policy(
  {
    Effect: "Allow",
    Action: "ssm:StartSession",
    Resource: "arn:aws:ecs:eu-west-1:111122223333:task/main/*",
    Condition: { ...checked, StringEquals: { "aws:ResourceTag/sallyport:proxy": "default/main" } },
  },
  { Effect: "Allow", Action: "ssm:StartSession", Resource: document, Condition: checked },
  {
    Effect: "Allow",
    Action: ["ssm:ResumeSession", "ssm:TerminateSession"],
    Resource: "arn:aws:ssm:*:*:session/*",
    Condition: { StringLike: { "ssm:resourceTag/aws:ssmmessages:session-id": "${aws:userid}" } },
  },
);

function policy(...Statement: PolicyStatement[]): PolicyDocument {
  return { Version: "2012-10-17", Statement };
}

function may(...documents: PolicyDocument[]): Partial<Caller> {
  return { permissions: () => documents };
}

const denied = { code: "AccessDeniedException" };

async function sessionOf(bench: Bench): Promise<string> {
  const { SessionId } = (await bench.call("StartSession", portSession(9432), may(grantPolicy))) as {
    SessionId: string;
  };
  return SessionId;
}

describe("StartSession with a grant's policy", () => {
  it("is allowed on the proxy's task with the port document", async () => {
    await using bench = await startBench(echo);

    await expect(bench.call("StartSession", portSession(9432), may(grantPolicy))).resolves.toMatchObject({
      SessionId: expect.stringMatching(/^ada-[a-z2-7]{26}$/) as string,
      TokenValue: expect.stringMatching(/^.{100,300}$/) as string,
      StreamUrl: expect.stringMatching(/^ws:\/\/127\.0\.0\.1:\d+\/v1\/data-channel\/ada-[a-z2-7]{26}\?/) as string,
    });
  });

  it("is denied on another proxy's task, and names it", async () => {
    await using bench = await startBench(echo);

    await expect(
      bench.call("StartSession", portSession(9432, otherTargetName), may(grantPolicy)),
    ).rejects.toMatchObject({
      code: "AccessDeniedException",
      message:
        "User: arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_g1_0123456789abcdef/ada is not authorized to perform: " +
        `ssm:StartSession on resource: arn:aws:ecs:eu-west-1:111122223333:task/main/${"1".repeat(32)} ` +
        "because no identity-based policy allows the ssm:StartSession action",
    });
  });

  it.each([
    ["without a document, which means a shell", {}],
    ["with the shell document", { DocumentName: "SSM-SessionManagerRunShell" }],
    ["with the remote-host document", { DocumentName: "AWS-StartPortForwardingSessionToRemoteHost" }],
    ["with the interactive-command document", { DocumentName: "AWS-StartInteractiveCommand" }],
    ["with a document of somebody's own", { DocumentName: "arn:aws:ssm:eu-west-1:999999999999:document/Mine" }],
  ])("is denied %s", async (_what, members) => {
    await using bench = await startBench(echo);

    await expect(
      bench.call("StartSession", { Target: targetName, ...members }, may(grantPolicy)),
    ).rejects.toMatchObject(denied);
  });

  it("is denied once the role is gone, and so are resumption and termination", async () => {
    await using bench = await startBench(echo);
    const SessionId = await sessionOf(bench);

    await expect(bench.call("StartSession", portSession(9432), may())).rejects.toMatchObject(denied);
    await expect(bench.call("ResumeSession", { SessionId }, may())).rejects.toMatchObject(denied);
    await expect(bench.call("TerminateSession", { SessionId }, may())).rejects.toMatchObject(denied);
  });
});

describe("ssm:SessionDocumentAccessCheck", () => {
  const openTask: PolicyStatement = {
    Effect: "Allow",
    Action: "ssm:StartSession",
    Resource: "arn:aws:ecs:*:*:task/*",
  };

  it("leaves documents unchecked when the statement that allows the task forgets it", async () => {
    await using bench = await startBench(echo);

    await expect(bench.call("StartSession", portSession(9432), may(policy(openTask)))).resolves.toBeDefined();
    // Past IAM; the sandbox just has no shell to offer.
    await expect(bench.call("StartSession", { Target: targetName }, may(policy(openTask)))).rejects.toMatchObject({
      code: "InvalidDocument",
    });
  });

  it("needs the document to be allowed too when the statement has it", async () => {
    await using bench = await startBench(echo);
    const task = { ...openTask, Condition: checked };
    const anyDocument: PolicyStatement = { Effect: "Allow", Action: "*", Resource: "arn:aws:ssm:*:*:document/*" };

    await expect(bench.call("StartSession", portSession(9432), may(policy(task)))).rejects.toMatchObject(denied);
    await expect(bench.call("StartSession", portSession(9432), may(policy(task, anyDocument)))).resolves.toBeDefined();
    await expect(
      bench.call("StartSession", { Target: targetName }, may(policy(task, anyDocument))),
    ).rejects.toMatchObject(denied);
  });

  it("does not save a document from an explicit deny", async () => {
    await using bench = await startBench(echo);
    const deny: PolicyStatement = { Effect: "Deny", Action: "*", Resource: "arn:aws:ssm:*:*:document/*" };

    await expect(bench.call("StartSession", portSession(9432), may(policy(openTask, deny)))).rejects.toMatchObject({
      message: expect.stringContaining("with an explicit deny") as string,
    });
  });
});

describe("other people's sessions", () => {
  it("can be neither resumed nor terminated by a grantee, and one's own can", async () => {
    await using bench = await startBench(echo);
    const SessionId = await sessionOf(bench);
    const mallory = { ...may(grantPolicy), userID: "AROAEXAMPLE:mallory" };

    await expect(bench.call("ResumeSession", { SessionId }, mallory)).rejects.toMatchObject(denied);
    await expect(bench.call("TerminateSession", { SessionId }, mallory)).rejects.toMatchObject(denied);
    await expect(bench.call("ResumeSession", { SessionId }, may(grantPolicy))).resolves.toMatchObject({ SessionId });
    await expect(bench.call("TerminateSession", { SessionId }, may(grantPolicy))).resolves.toEqual({ SessionId });
    expect(bench.ssm.sessions()[0]?.status).toBe("Terminated");
  });

  it("are not there for another account, whoever asks", async () => {
    await using bench = await startBench(echo);
    const SessionId = await sessionOf(bench);
    const stranger = { accountID: "999999999999" };

    await expect(bench.call("ResumeSession", { SessionId }, stranger)).rejects.toMatchObject({
      code: "DoesNotExistException",
    });
    await expect(bench.call("DescribeSessions", { State: "Active" }, stranger)).resolves.toEqual({ Sessions: [] });
    await bench.call("TerminateSession", { SessionId }, stranger);
    expect(bench.ssm.sessions()[0]?.status).toBe("Connecting");
  });
});
