import { once } from "node:events";
import { connect } from "node:net";
import { CreateAccountAssignmentCommand, ListPermissionSetsCommand } from "@aws-sdk/client-sso-admin";
import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { expect, test } from "vitest";
import { conflicting, failing, type FaultEvent, noFaults, throttled } from "../faults.ts";
import { assignmentInput, createSet } from "../testing/grants.ts";
import { startHarness } from "../testing/harness.ts";
import { signedInHeader } from "../testing/signing.ts";
import { bodyBytesMax } from "./request.ts";

test("the fault plan sees each call before and after its effect, with its number and its caller", async () => {
  await using harness = await startHarness();
  const events: string[] = [];
  harness.sandbox.faults = ({ index, mutationIndex, phase, operation, mutating }) => {
    const count = harness.sandbox.state.permissionSets.size;
    events.push(`${index} ${mutationIndex} ${operation} ${phase} ${mutating} ${count}`);
    return "pass";
  };

  await harness.clients.sts.send(new GetCallerIdentityCommand({}));
  await createSet(harness, "g1");

  expect(events).toEqual([
    "0 -1 GetCallerIdentity before false 1",
    "0 -1 GetCallerIdentity after false 1",
    "1 0 CreatePermissionSet before true 1",
    "1 0 CreatePermissionSet after true 2",
  ]);
  expect(harness.sandbox.calls.map((call) => [call.operation, call.callerARN, call.outcome])).toEqual([
    ["GetCallerIdentity", "arn:aws:iam::111122223333:user/sallyport-controller", "ok"],
    ["CreatePermissionSet", "arn:aws:iam::111122223333:user/sallyport-controller", "ok"],
  ]);
});

test("an error before the effect prevents it, an error after it hides it", async () => {
  await using harness = await startHarness();
  const { sandbox } = harness;

  sandbox.faults = ({ phase }) => (phase === "before" ? throttled() : "pass");
  await expect(createSet(harness, "g1")).rejects.toMatchObject({ name: "ThrottlingException" });
  const before = sandbox.state.permissionSets.size;
  sandbox.faults = ({ phase }) => (phase === "before" ? conflicting() : "pass");
  await expect(createSet(harness, "g1")).rejects.toMatchObject({ name: "ConflictException" });
  sandbox.faults = ({ phase }) => (phase === "after" ? failing() : "pass");
  await expect(createSet(harness, "g1")).rejects.toMatchObject({ name: "InternalServerException" });
  const after = sandbox.state.permissionSets.size;

  expect([before, after]).toEqual([1, 2]);
  expect(sandbox.calls.map((call) => call.outcome)).toEqual([
    "ThrottlingException",
    "ConflictException",
    "InternalServerException",
  ]);
});

test("a dropped call gets no answer, and its effect stands when it was dropped after it", async () => {
  await using harness = await startHarness();
  const { sandbox } = harness;

  sandbox.faults = ({ phase }) => (phase === "after" ? "drop" : "pass");
  await expect(createSet(harness, "g1")).rejects.toMatchObject({ code: "ECONNRESET" });

  expect(sandbox.state.permissionSets.size).toBe(2);
  expect(sandbox.calls.map((call) => call.outcome)).toEqual(["dropped"]);
});

test("a client that dies while the plan thinks leaves the effect, and the sandbox goes on", async () => {
  await using harness = await startHarness();
  const { sandbox } = harness;
  const client = connect(sandbox.port, "127.0.0.1");
  sandbox.faults = async ({ phase }) => {
    if (phase === "after") {
      const closed = once(client, "close");
      client.destroy();
      await closed;
    }
    return "pass" as const;
  };
  const body = JSON.stringify({ InstanceArn: harness.instanceARN, Name: "g1" });
  const unsigned = {
    method: "POST",
    body,
    headers: { host: `127.0.0.1:${sandbox.port}`, "x-amz-target": "SWBExternalService.CreatePermissionSet" },
  };
  const parts = { credentials: sandbox.controllerCredentials, service: "sso", at: Date.now() };
  const { headers } = await signedInHeader(unsigned, parts);
  const lines = Object.entries({ ...headers, "content-length": body.length }).map(
    ([name, value]) => `${name}: ${value}`,
  );

  client.write(`POST / HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n${body}`);
  await once(client, "close");
  sandbox.faults = noFaults;

  await expect(createSet(harness, "g1")).rejects.toMatchObject({ name: "ConflictException" });
  expect(sandbox.calls.map((call) => call.outcome)).toEqual(["ok", "ConflictException"]);
});

test("the plan is awaited: nothing happens and nothing is answered while it thinks", async () => {
  await using harness = await startHarness();
  const { sandbox } = harness;
  const waiting = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<FaultEvent>();
  sandbox.faults = async (event) => {
    reached.resolve(event);
    await waiting.promise;
    return "pass" as const;
  };

  const creating = createSet(harness, "g1");
  const event = await reached.promise;
  const sizeMeanwhile = sandbox.state.permissionSets.size;
  waiting.resolve();
  await creating;

  expect(event).toMatchObject({ operation: "CreatePermissionSet", phase: "before", input: { Name: "g1" } });
  expect(sizeMeanwhile).toBe(1);
  expect(sandbox.state.permissionSets.size).toBe(2);
});

test("what the sandbox does not have is answered with AWS's error in the caller's protocol, never with a page", async () => {
  await using harness = await startHarness();
  const { sandbox } = harness;
  const ask = async (path: string, init: RequestInit = {}) => {
    const answer = await fetch(sandbox.url + path, init);
    return [answer.status, answer.headers.get("content-type"), await answer.text()] as const;
  };
  const target = (name: string) => ({ method: "POST", headers: { "x-amz-target": name }, body: "{}" });

  const jsonOperation = await ask("/", target("SWBExternalService.DescribeNothing"));
  const jsonService = await ask("/", target("DynamoDB_20120810.ListTables"));
  const prototype = await ask("/", target("SWBExternalService.constructor"));
  const query = await ask("/?Action=GetSessionToken&Version=2011-06-15");
  const ec2 = await ask("/", {
    method: "POST",
    body: new URLSearchParams({ Action: "DescribeInstances", Version: "2016-11-15" }),
  });
  const path = await ask("/bucket/key");

  for (const [status, type, body] of [jsonOperation, jsonService, prototype]) {
    expect([status, type]).toEqual([400, expect.stringMatching(/^application\/(x-amz-json-1\.1|json)$/)]);
    expect(JSON.parse(body)).toMatchObject({ __type: "UnknownOperationException" });
  }
  for (const [status, type, body] of [query, ec2]) {
    expect([status, type]).toEqual([400, "text/xml"]);
    expect(body).toContain("<Code>InvalidAction</Code>");
  }
  expect(path[0]).toBe(404);
  expect(JSON.parse(path[2])).toMatchObject({ __type: "UnknownOperationException" });
});

test("a body that is not a JSON object is a SerializationException, and one that is too large is refused", async () => {
  await using harness = await startHarness();
  const post = async (body: string) => {
    const headers = { "x-amz-target": "SWBExternalService.ListInstances" };
    const answer = await fetch(harness.sandbox.url, { method: "POST", headers, body });
    const parsed = (await answer.json()) as { __type: string };
    return `${answer.status} ${parsed.__type}`;
  };

  expect(await post("[]")).toBe("400 SerializationException");
  expect(await post("{")).toBe("400 SerializationException");
  expect(await post("\u{1F600}".repeat(8))).toBe("400 SerializationException");
  expect(await post(" ".repeat(bodyBytesMax + 1))).toBe("413 RequestEntityTooLargeException");
});

test("GetCallerIdentity answers JSON to who asks for it, errors too", async () => {
  await using harness = await startHarness();
  const { sandbox } = harness;
  const unsigned = {
    query: { Action: "GetCallerIdentity", Version: "2011-06-15" },
    headers: { host: new URL(sandbox.url).host, accept: "application/json" },
  };
  const parts = { credentials: sandbox.credentialsFor("ada", "sallyport"), service: "sts", at: Date.now() };
  const request = await signedInHeader(unsigned, parts);
  const { host: _host, ...headers } = request.headers;
  const ask = async (secret: string) => {
    const answer = await fetch(`${sandbox.url}/?${request.query}`, {
      headers: { ...headers, authorization: (headers["authorization"] ?? "") + secret },
    });
    return [answer.status, answer.headers.get("content-type"), await answer.json()];
  };

  const good = await ask("");
  const bad = await ask("00");

  expect(good).toEqual([
    200,
    "application/json",
    {
      GetCallerIdentityResponse: {
        GetCallerIdentityResult: {
          Account: "111122223333",
          Arn: expect.stringMatching(
            /^arn:aws:sts::111122223333:assumed-role\/AWSReservedSSO_sallyport_[0-9a-f]{16}\/ada$/,
          ),
          UserId: expect.stringMatching(/^AROA[A-Z2-7]{17}:ada$/),
        },
        ResponseMetadata: { RequestId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
      },
    },
  ]);
  expect(bad).toMatchObject([403, "application/json", { Error: { Code: "SignatureDoesNotMatch", Type: "Sender" } }]);
});

test("a stopped sandbox answers nobody and leaves no timer behind", async () => {
  const harness = await startHarness();
  const setARN = await createSet(harness, "g1");
  await harness.clients.ssoAdmin.send(new CreateAccountAssignmentCommand(assignmentInput(harness, setARN, "ada")));

  await harness[Symbol.asyncDispose]();

  expect(harness.clock.pendingCount()).toBe(0);
  await expect(
    harness.clients.ssoAdmin.send(new ListPermissionSetsCommand({ InstanceArn: harness.instanceARN })),
  ).rejects.toThrow(/ECONNREFUSED/);
});
