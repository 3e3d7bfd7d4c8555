import { Sha256 } from "@aws-crypto/sha256-js";
import {
  ResumeSessionCommand,
  SSMServiceException,
  StartSessionCommand,
  TerminateSessionCommand,
  type SSMClient,
} from "@aws-sdk/client-ssm";
import { HttpRequest } from "@smithy/protocol-http";
import { SignatureV4 } from "@smithy/signature-v4";
import { coerceError, UserError } from "#lib/errors.ts";
import { Secret } from "#lib/secret.ts";
import type { Ticket } from "./channel.ts";
import type { TunnelOptions } from "./options.ts";

/** The only document that a grant's permission set allows. */
const portForwardingDocument = "AWS-StartPortForwardingSession";

/** Longest `Reason` that StartSession takes (SSM API reference). */
const reasonCharacters = 256;

/** What to forward, and as whom. */
export interface PortSessionRequest {
  /** Signs every call, and the websocket's upgrade, with its credentials and for its region. The caller's to destroy. */
  readonly client: SSMClient;
  /** SSM target: `ecs:<cluster>_<task>_<runtime>`. */
  readonly target: string;
  /** Port on the target's loopback, 1 to 65535. */
  readonly port: number;
  /** Shown in Session Manager's history; cut at 256 characters. */
  readonly reason?: string;
}

/** The part of `openTunnel`'s options that a started session gives. */
export type PortSession = Required<Pick<TunnelOptions, "session" | "resume" | "terminate" | "signUpgrade">>;

/**
 * Starts a port-forwarding session. Rejects with UserError where a person can act (task not connected, access denied), and with
 * UserError `SessionStartFailed` for every other answer of AWS.
 */
export async function startPortSession(request: PortSessionRequest): Promise<PortSession> {
  const { client, target, port, reason } = request;
  const command = new StartSessionCommand({
    Target: target,
    DocumentName: portForwardingDocument,
    // The local port is the agent's to repeat, and of no use to it; 0 as the official client sends for "any".
    Parameters: { portNumber: [String(port)], localPortNumber: ["0"] },
    ...(reason === undefined || reason === "" ? {} : { Reason: reason.slice(0, reasonCharacters) }),
  });
  const answer = await client.send(command).catch((error: unknown) => {
    throw startFailure(error);
  });
  const sessionID = answer.SessionId ?? "";
  const ticket = ticketOf(answer.TokenValue, answer.StreamUrl);
  if (sessionID === "" || ticket === undefined) {
    throw startFailure(new Error("the answer has no session ID, token or stream URL"));
  }
  return {
    session: { sessionID, ...ticket },
    resume: () => resumeSession(client, sessionID, ticket.streamUrl),
    terminate: async () => {
      await client.send(new TerminateSessionCommand({ SessionId: sessionID }));
    },
    signUpgrade: (streamUrl) => signUpgrade(client, streamUrl),
  };
}

async function resumeSession(client: SSMClient, sessionID: string, streamUrl: string): Promise<Ticket | "ended"> {
  try {
    const answer = await client.send(new ResumeSessionCommand({ SessionId: sessionID }));
    // An empty token is how the service says that the session timed out (session-manager-plugin, GetResumeSessionParams). The
    // official client dials the first URL again; ours prefers the one that comes with the token.
    return ticketOf(answer.TokenValue, answer.StreamUrl ?? streamUrl) ?? "ended";
  } catch (error) {
    throw resumeFailure(error);
  }
}

function ticketOf(token: string | undefined, streamUrl: string | undefined): Ticket | undefined {
  if (token === undefined || token === "" || streamUrl === undefined || streamUrl === "") {
    return undefined;
  }
  return { token: new Secret(token), streamUrl };
}

/**
 * Signs the upgrade request, as clients since plugin 1.2.764 do: SigV4, service `ssmmessages`, in headers. The URL itself stays as
 * it came: a `+` in its query (base64 in `cell-number`) counts as a space in the signature, which is how Go's signer, and so
 * the official client, reads it.
 */
async function signUpgrade(client: SSMClient, streamUrl: string): Promise<Record<string, string>> {
  const url = new URL(streamUrl);
  if ([...url.searchParams.keys()].some((name) => name.toLowerCase().startsWith("x-amz-"))) {
    return {};
  }
  const signer = new SignatureV4({
    service: "ssmmessages",
    region: await client.config.region(),
    credentials: client.config.credentials,
    sha256: Sha256,
    applyChecksum: false,
  });
  const signed = await signer.sign(
    new HttpRequest({
      method: "GET",
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: { host: url.host },
    }),
  );
  const { host: _host, ...headers } = signed.headers;
  return headers;
}

function startFailure(error: unknown): UserError {
  const { name, message } = coerceError(error);
  switch (name) {
    case "TargetNotConnected":
      return new UserError("TargetNotConnected", "The proxy's task cannot take a session right now.", {
        why: "Its SSM agent is not connected. A task that has just started needs up to a minute; one that was replaced is gone.",
        next: "Try again in a moment; if it stays so, ask an administrator to check the proxy's ECS service.",
        cause: error,
      });
    case "AccessDeniedException":
      return new UserError("AccessDenied", "AWS does not let you open a session to the proxy.", {
        why: "The grant has ended, or its permission set has not reached the account yet, which can take a minute.",
        next: "Check it with `sallyport grants list`, then connect again.",
        cause: error,
      });
    case "ExpiredTokenException":
    case "UnrecognizedClientException":
      return new UserError("CredentialsExpired", "AWS did not accept the credentials of the grant.", {
        why: "They have expired or were withdrawn.",
        next: "Sign in again with `sallyport login`, then connect again.",
        cause: error,
      });
    default:
      return new UserError("SessionStartFailed", "The session to the proxy could not be started.", {
        why: `${error instanceof SSMServiceException ? "AWS answered" : "The call to AWS failed"}: ${message}`,
        next: "Try again; if it stays so, check the network, or ask an administrator.",
        cause: error,
      });
  }
}

/** A refusal for good becomes a UserError; what may pass (throttling, faults, network) stays as it is, to be tried again. */
function resumeFailure(error: unknown): unknown {
  const final =
    error instanceof SSMServiceException &&
    error.$fault === "client" &&
    error.$retryable === undefined &&
    !/Throttl|TooManyRequests|RequestLimit|RequestTimeout/.test(error.name);
  if (!final) {
    return error;
  }
  return new UserError("SessionEnded", "The session cannot be resumed.", {
    why: error.name === "AccessDeniedException" ? "Your access to it has ended." : `AWS answered: ${error.message}`,
    next: "Check that your grant is live with `sallyport grants list`, then connect again.",
    cause: error,
  });
}
