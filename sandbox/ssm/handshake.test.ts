import { describe, expect, it } from "vitest";
import { clientVersionProblem, handshakeRequest, readHandshakeResponse } from "./handshake.ts";

function response(content: unknown): unknown {
  return readHandshakeResponse(Buffer.from(JSON.stringify(content)));
}

describe("handshake", () => {
  it("asks for a port session with the document's properties and nothing else", () => {
    const properties = { portNumber: "9432", localPortNumber: "0", type: "LocalPortForwarding" } as const;

    expect(handshakeRequest(properties)).toEqual({
      AgentVersion: "3.3.0.0",
      RequestedClientActions: [
        { ActionType: "SessionType", ActionParameters: { SessionType: "Port", Properties: properties } },
      ],
    });
  });

  it("reads the reference client's answer", () => {
    const content = {
      ClientVersion: "1.2.0.0",
      ProcessedClientActions: [{ ActionType: "SessionType", ActionStatus: 1, ActionResult: null, Error: "" }],
      Errors: null,
    };

    expect(response(content)).toEqual({ clientVersion: "1.2.0.0" });
  });

  it.each([
    [
      "an action that failed",
      { ClientVersion: "1.2.0.0", ProcessedClientActions: [{ ActionType: "SessionType", ActionStatus: 2 }] },
    ],
    ["no action", { ClientVersion: "1.2.0.0", ProcessedClientActions: [] }],
    ["null", null],
    ["actions that are not a list", { ProcessedClientActions: "SessionType" }],
    ["an action that is null", { ProcessedClientActions: [null] }],
  ])("has a problem with %s", (_what, content) => {
    expect(response(content)).toEqual({ problem: "The client did not accept the session type Port." });
  });

  it("serves clients from 1.1.70 on, which multiplex, and no older ones", () => {
    expect(["1.1.70.0", "1.1.70", "1.2.0.0", "2.0.0.0", "1.1.71.0"].map(clientVersionProblem)).toEqual(
      Array(5).fill(undefined),
    );
    for (const version of ["1.1.69.0", "1.0.99.0", "0.9.0.0", "", "new", "1.1"]) {
      expect(clientVersionProblem(version), version).toContain("does not multiplex");
    }
  });
});
