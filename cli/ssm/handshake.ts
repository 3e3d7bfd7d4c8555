import { UserError } from "#lib/errors.ts";
import { ProtocolError } from "./protocol-error.ts";

/**
 * The client version that the handshake and the first frame announce. It stands for a behaviour, not for this program: agents
 * multiplex from 1.1.70 on and switch their own smux keep-alive off above 1.2.331.0 (with it on, an idle tunnel would
 * never reach SSM's idle timeout, and an end that does not answer is cut after 30 s); 1.2.764.0 is the release that signs the
 * websocket upgrade as this client can, and the oldest that AWS supports.
 */
export const clientVersion = "1.2.764.0";

/** Agents multiplex when strictly newer than this (session-manager-plugin, muxSupportedAfterThisAgentVersion). */
const lastAgentWithoutMux = "3.0.196.0";

/** What the agent asks for, and this client's answer to it. */
export interface HandshakeVerdict {
  /** Payload of the handshake response. Also sent when refusing: it makes the agent end the session at once. */
  readonly response: Buffer;
  readonly agentVersion: string;
  /** Why no tunnel can be made; undefined when it can. */
  readonly refusal: UserError | undefined;
}

interface Action {
  readonly type: string;
  readonly parameters: unknown;
}

/**
 * Decides on a handshake request (payload type 5). Only multiplexed local port forwarding is accepted; every other action is
 * answered with status 3, unsupported. Throws ProtocolError where the payload is no handshake request.
 */
export function decideHandshake(payload: Buffer): HandshakeVerdict {
  const request = parseRequest(payload);
  const results = request.actions.map((action) => ({ action, complaint: complaintOf(action) }));
  const response = {
    ClientVersion: clientVersion,
    ProcessedClientActions: results.map(({ action, complaint }) => ({
      ActionType: action.type,
      ActionStatus: complaint === undefined ? 1 : 3,
      ActionResult: null,
      Error: complaint ?? "",
    })),
    Errors: null,
  };
  const complaint = results.find((result) => result.complaint !== undefined)?.complaint;
  return {
    response: Buffer.from(JSON.stringify(response)),
    agentVersion: request.agentVersion,
    refusal: refusalOf(request, complaint),
  };
}

/** The text that an administrator set for the session's users, from a handshake-complete payload (type 7); empty where none. */
export function customerMessage(payload: Buffer): string {
  const message = record(parseJSON(payload))["CustomerMessage"];
  return typeof message === "string" ? message : "";
}

/**
 * Whether `version` is strictly newer than `than`. Both need exactly four numeric components, else false: the rule of
 * the official client.
 */
export function isNewer(version: string, than: string): boolean {
  if (!/^\d{1,9}(\.\d{1,9}){3}$/.test(version)) {
    return false;
  }
  const parts = version.split(".").map(Number);
  const others = than.split(".").map(Number);
  for (const [index, part] of parts.entries()) {
    const other = others[index] ?? 0;
    if (part !== other) {
      return part > other;
    }
  }
  return false;
}

function complaintOf(action: Action): string | undefined {
  if (action.type === "KMSEncryption") {
    return "Encryption by KMS is not supported for port sessions";
  }
  if (action.type !== "SessionType") {
    return "Unsupported action";
  }
  const parameters = record(action.parameters);
  if (parameters["SessionType"] !== "Port") {
    return "Only sessions of type Port are supported";
  }
  if (record(parameters["Properties"])["type"] !== "LocalPortForwarding") {
    return "Only LocalPortForwarding is supported";
  }
  return undefined;
}

function refusalOf(
  request: { agentVersion: string; actions: readonly Action[] },
  complaint: string | undefined,
): UserError | undefined {
  if (complaint !== undefined) {
    return new UserError(
      "SessionNotSupported",
      "The session on the proxy's task asks for something a tunnel cannot do.",
      {
        why: `${complaint}.`,
        next: "Check the Session Manager preferences and the session document of the account: it must be port forwarding.",
      },
    );
  }
  if (!request.actions.some((action) => action.type === "SessionType")) {
    return new UserError(
      "SessionNotSupported",
      "The agent on the proxy's task did not say what kind of session it runs.",
      {
        next: "Redeploy the proxy's ECS service, so that its task runs a current SSM agent.",
      },
    );
  }
  if (!isNewer(request.agentVersion, lastAgentWithoutMux)) {
    return new UserError("AgentTooOld", "The SSM agent on the proxy's task is too old for a tunnel.", {
      why: `It must be newer than ${lastAgentWithoutMux} to carry several connections.`,
      next: "Redeploy the proxy's ECS service on Fargate platform 1.4.0 or later.",
    });
  }
  return undefined;
}

function parseRequest(payload: Buffer): { agentVersion: string; actions: Action[] } {
  const request = record(parseJSON(payload));
  const actions = request["RequestedClientActions"];
  if (!Array.isArray(actions)) {
    throw new ProtocolError("handshake request without actions");
  }
  const version = request["AgentVersion"];
  return {
    agentVersion: typeof version === "string" ? version : "",
    actions: actions.map((value: unknown) => {
      const action = record(value);
      const type = action["ActionType"];
      return { type: typeof type === "string" ? type : "", parameters: action["ActionParameters"] };
    }),
  };
}

function parseJSON(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString("utf8"));
  } catch {
    throw new ProtocolError("handshake message that is not JSON");
  }
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
