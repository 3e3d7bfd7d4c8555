import { describe, expect, it } from "vitest";
import { clientVersion, customerMessage, decideHandshake, isNewer } from "./handshake.ts";
import { ProtocolError } from "./protocol-error.ts";

const portAction = {
  ActionType: "SessionType",
  ActionParameters: {
    SessionType: "Port",
    Properties: { portNumber: "5432", localPortNumber: "15432", type: "LocalPortForwarding" },
  },
};

function request(actions: unknown[] = [portAction], version = "3.3.0.0"): Buffer {
  return Buffer.from(JSON.stringify({ AgentVersion: version, RequestedClientActions: actions }));
}

describe("handshake", () => {
  it("accepts port forwarding with the answer that the agent expects", () => {
    const verdict = decideHandshake(request());

    expect(verdict.refusal).toBeUndefined();
    expect(verdict.agentVersion).toBe("3.3.0.0");
    expect(JSON.parse(verdict.response.toString())).toEqual({
      ClientVersion: clientVersion,
      ProcessedClientActions: [{ ActionType: "SessionType", ActionStatus: 1, ActionResult: null, Error: "" }],
      Errors: null,
    });
  });

  it("announces a version that makes agents multiplex without keep-alive", () => {
    expect(isNewer(clientVersion, "1.2.331.0")).toBe(true);
  });

  it.each([
    ["a shell", [{ ActionType: "SessionType", ActionParameters: { SessionType: "Standard_Stream" } }]],
    [
      "ssh",
      [{ ActionType: "SessionType", ActionParameters: { SessionType: "Port", Properties: { portNumber: "22" } } }],
    ],
    ["encryption", [portAction, { ActionType: "KMSEncryption", ActionParameters: { KMSKeyId: "key" } }]],
    ["something unknown", [portAction, { ActionType: "New" }]],
    ["an action without parameters", [{ ActionType: "SessionType" }]],
    ["an action that is no object", [portAction, null]],
  ])("refuses %s with status 3", (_name, actions) => {
    const verdict = decideHandshake(request(actions));

    const { ProcessedClientActions: results } = JSON.parse(verdict.response.toString()) as {
      ProcessedClientActions: { ActionStatus: number; Error: string }[];
    };
    expect(results.at(-1)).toMatchObject({ ActionStatus: 3, Error: expect.stringMatching(/./) });
    expect(verdict.refusal).toMatchObject({ code: "SessionNotSupported" });
    expect(verdict.refusal?.next).not.toBe("");
  });

  it("refuses an agent that asks for nothing", () => {
    expect(decideHandshake(request([])).refusal).toMatchObject({ code: "SessionNotSupported" });
  });

  it.each(["3.0.196.0", "2.3.722.0", "3.3", "", "x.y.z.w"])(
    "refuses agent version %j, which cannot multiplex",
    (version) => {
      expect(decideHandshake(request([portAction], version)).refusal).toMatchObject({ code: "AgentTooOld" });
    },
  );

  it.each(["", "{", "null", "{}", '{"RequestedClientActions":1}'])("calls %j no handshake request", (payload) => {
    expect(() => decideHandshake(Buffer.from(payload))).toThrow(ProtocolError);
  });

  it.each([
    ["3.0.196.1", "3.0.196.0", true],
    ["3.0.1000.0", "3.0.196.0", true],
    ["10.0.0.0", "3.0.196.0", true],
    ["3.0.196.0", "3.0.196.0", false],
    ["3.0.195.9", "3.0.196.0", false],
    ["4.0.0", "3.0.196.0", false],
    ["4.0.0.0.0", "3.0.196.0", false],
  ])("compares versions by number, strictly and with four parts only: %s > %s is %s", (version, than, newer) => {
    expect(isNewer(version, than)).toBe(newer);
  });

  it("reads the customer's message where there is one", () => {
    expect(customerMessage(Buffer.from('{"HandshakeTimeToComplete":1,"CustomerMessage":"Be careful"}'))).toBe(
      "Be careful",
    );
    expect(customerMessage(Buffer.from('{"HandshakeTimeToComplete":1}'))).toBe("");
  });
});
