import { SSMClient } from "@aws-sdk/client-ssm";
import { HttpResponse, type HttpRequest } from "@smithy/protocol-http";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { startPortSession } from "./session.ts";

const streamUrl =
  "wss://ssmmessages.eu-west-1.amazonaws.com/v1/data-channel/ada-01?role=publish_subscribe&cell-number=A+/==";

interface Answer {
  status: number;
  body: unknown;
}

/** The SDK's own client, its HTTP layer replaced: what goes over the wire is real. */
function setUp(...answers: Answer[]) {
  const calls: { operation: string; input: unknown }[] = [];
  const client = new SSMClient({
    region: "eu-west-1",
    credentials: { accessKeyId: "ASIAEXAMPLE", secretAccessKey: "secret-key", sessionToken: "session-token" },
    maxAttempts: 1,
    requestHandler: {
      async handle(request: HttpRequest) {
        calls.push({
          operation: request.headers["x-amz-target"] ?? "",
          input: JSON.parse(new TextDecoder().decode(request.body)) as unknown,
        });
        const { status, body } = answers.shift() ?? { status: 500, body: {} };
        const response = new HttpResponse({ statusCode: status, body: Readable.from([JSON.stringify(body)]) });
        return { response };
      },
    },
  });
  const start = () => startPortSession({ client, target: "ecs:c_t_r", port: 9432, reason: "r".repeat(300) });
  return { calls, start };
}

const started: Answer = { status: 200, body: { SessionId: "ada-01", TokenValue: "token-1", StreamUrl: streamUrl } };

function refusal(name: string): Answer {
  return { status: 400, body: { __type: name, message: "because" } };
}

describe("port session", () => {
  it("starts by the port-forwarding document, on the port asked for, with a reason of legal length", async () => {
    const { calls, start } = setUp(started);

    const { session } = await start();

    expect(calls).toEqual([
      {
        operation: "AmazonSSM.StartSession",
        input: {
          Target: "ecs:c_t_r",
          DocumentName: "AWS-StartPortForwardingSession",
          Parameters: { portNumber: ["9432"], localPortNumber: ["0"] },
          Reason: "r".repeat(256),
        },
      },
    ]);
    expect({ ...session, token: session.token.reveal() }).toEqual({ sessionID: "ada-01", token: "token-1", streamUrl });
  });

  it("resumes and terminates the session it started", async () => {
    const { calls, start } = setUp(
      started,
      { status: 200, body: { SessionId: "ada-01", TokenValue: "token-2", StreamUrl: "wss://other" } },
      { status: 200, body: { SessionId: "ada-01" } },
    );
    const session = await start();

    const ticket = await session.resume();
    await session.terminate();

    expect(ticket).not.toBe("ended");
    expect(JSON.stringify(ticket)).toBe('{"token":"[redacted]","streamUrl":"wss://other"}');
    expect(calls.slice(1)).toEqual([
      { operation: "AmazonSSM.ResumeSession", input: { SessionId: "ada-01" } },
      { operation: "AmazonSSM.TerminateSession", input: { SessionId: "ada-01" } },
    ]);
  });

  it("takes an answer without a token for the end of the session", async () => {
    const { start } = setUp(started, { status: 200, body: { SessionId: "ada-01", TokenValue: "" } });
    const session = await start();

    expect(await session.resume()).toBe("ended");
  });

  it.each([
    ["TargetNotConnected", "TargetNotConnected"],
    ["AccessDeniedException", "AccessDenied"],
    ["ExpiredTokenException", "CredentialsExpired"],
    ["InvalidDocument", "SessionStartFailed"],
  ])("says what happened, why and what to do when AWS answers %s", async (name, code) => {
    const { start } = setUp(refusal(name));

    const error = await start().catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({ name: "UserError", code });
    expect(error).toMatchObject({ why: expect.stringMatching(/./), next: expect.stringMatching(/./) });
  });

  it("fails clearly when the answer lacks the token", async () => {
    const { start } = setUp({ status: 200, body: { SessionId: "ada-01", StreamUrl: streamUrl } });

    await expect(start()).rejects.toMatchObject({ code: "SessionStartFailed" });
  });

  it.each(["AccessDeniedException", "DoesNotExistException"])("gives up resuming for good on %s", async (name) => {
    const { start } = setUp(started, refusal(name));
    const session = await start();

    await expect(session.resume()).rejects.toMatchObject({ name: "UserError", code: "SessionEnded" });
  });

  it.each<[string, Answer]>([
    ["throttling", refusal("ThrottlingException")],
    ["a fault of the service", { status: 500, body: { __type: "InternalServerError", message: "oops" } }],
  ])("leaves %s to be tried again", async (_name, answer) => {
    const { start } = setUp(started, answer);
    const session = await start();

    const error = await session.resume().catch((thrown: unknown) => thrown);

    expect(error).toBeInstanceOf(Error);
    expect(error).not.toMatchObject({ name: "UserError" });
  });

  it("signs the upgrade for ssmmessages with the session's credentials", async () => {
    const { start } = setUp(started);
    const session = await start();

    const headers = await session.signUpgrade(streamUrl);

    expect(headers["authorization"]).toMatch(
      /^AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE\/\d{8}\/eu-west-1\/ssmmessages\/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=[0-9a-f]{64}$/,
    );
    expect(headers).toMatchObject({ "x-amz-security-token": "session-token", "x-amz-date": expect.any(String) });
  });

  it("leaves a URL that is presigned as it is", async () => {
    const { start } = setUp(started);
    const session = await start();

    expect(await session.signUpgrade(`${streamUrl}&X-Amz-Signature=00`)).toEqual({});
  });
});
