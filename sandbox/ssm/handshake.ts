/** Properties of a port session, as the session document makes them of the parameters. */
export interface PortProperties {
  readonly portNumber: string;
  readonly localPortNumber: string;
  readonly type: "LocalPortForwarding";
}

/**
 * The agent version that we announce. Clients multiplex above 3.0.196.0 and turn their smux keep-alive off above
 * 3.1.1511.0; the sandbox never runs one.
 */
const agentVersion = "3.3.0.0";

/** From this version on a client multiplexes; before it, it speaks the basic mode, which the sandbox does not have. */
const multiplexingSince = [1, 1, 70];

/** ActionStatus of a client that accepted. */
const accepted = 1;

/** Body of HandshakeRequest: the agent asks for a port session; these are never encrypted, so nothing else is asked for. */
export function handshakeRequest(properties: PortProperties): unknown {
  const ActionParameters = { SessionType: "Port", Properties: properties };
  return { AgentVersion: agentVersion, RequestedClientActions: [{ ActionType: "SessionType", ActionParameters }] };
}

/** Reads HandshakeResponse. A response that does not accept the session type is a problem, told in one sentence. */
export function readHandshakeResponse(payload: Buffer): { clientVersion: string } | { problem: string } {
  let response: unknown;
  try {
    response = JSON.parse(payload.toString());
  } catch {
    return { problem: "The client's handshake response is not JSON." };
  }
  const { ClientVersion, ProcessedClientActions } = (response ?? {}) as {
    ClientVersion?: unknown;
    ProcessedClientActions?: unknown;
  };
  const actions = Array.isArray(ProcessedClientActions) ? (ProcessedClientActions as ProcessedAction[]) : [];
  const sessionType = actions.find((action) => action?.ActionType === "SessionType");
  if (sessionType === undefined || actions.some((action) => action?.ActionStatus !== accepted)) {
    return { problem: "The client did not accept the session type Port." };
  }
  return { clientVersion: typeof ClientVersion === "string" ? ClientVersion : "" };
}

/** Why a client of this version cannot be served; undefined when it can. */
export function clientVersionProblem(version: string): string | undefined {
  const parts = version.split(".").map(Number);
  for (const [index, wanted] of multiplexingSince.entries()) {
    const part = parts[index] ?? Number.NaN;
    if (part > wanted) {
      return undefined;
    }
    if (part !== wanted) {
      return `Client version ${version} does not multiplex; the sandbox needs ${multiplexingSince.join(".")} or newer.`;
    }
  }
  return undefined;
}

interface ProcessedAction {
  readonly ActionType?: unknown;
  readonly ActionStatus?: unknown;
}
