import { UserError } from "#lib/errors.ts";
import type { LinkLoss } from "./link.ts";
import type { TunnelClosed } from "./options.ts";

const tryAgain = "Try again; if it stays so, check the network, and any firewall or proxy between you and AWS.";

/** Why the first websocket could not be opened, or was lost before the agent answered. */
export function connectFailure(loss: LinkLoss): UserError {
  if (loss.status !== undefined) {
    return new UserError("TunnelRefused", "The session service refused the connection.", {
      why: `It answered with HTTP status ${loss.status}.`,
      next:
        loss.status === 401 || loss.status === 403
          ? "Sign in again with `sallyport login`; if it stays so, your permission set may lack ssmmessages:OpenDataChannel."
          : tryAgain,
    });
  }
  if (loss.opened) {
    return new UserError("TunnelRefused", "The session service closed the connection before the proxy answered.", {
      why: loss.detail === "" ? `It gave the code ${loss.code ?? 1006}.` : `It said: ${loss.detail}`,
      next: "Connect again: each attempt gets a new token.",
    });
  }
  return new UserError("TunnelUnreachable", "The session service could not be reached.", {
    why: loss.detail === "" ? "The connection failed." : `The connection failed: ${loss.detail}.`,
    next: tryAgain,
  });
}

/** The hard limit on opening a tunnel was reached. `stage` is what was waited for. */
export function connectTimeout(stage: "websocket" | "handshake", limitMs: number): UserError {
  const seconds = Math.round(limitMs / 1000);
  return stage === "websocket"
    ? new UserError("TunnelTimeout", `The session service did not answer within ${seconds} s.`, {
        why: "No websocket connection could be made.",
        next: tryAgain,
      })
    : new UserError("TunnelTimeout", `The proxy's task did not answer within ${seconds} s.`, {
        why: "The session is open, but the SSM agent on the task sent no complete handshake.",
        next: "Try again in a moment; if it stays so, ask an administrator to check the proxy's ECS service.",
      });
}

/** The session ended before the tunnel was ready. */
export function endedEarly(output: string): UserError {
  return new UserError("SessionEnded", "The session was ended before the tunnel was ready.", {
    why: output,
    next: "Check that your grant is live with `sallyport grants list`, then connect again.",
  });
}

/** What a stream or a caller of `open` gets once the tunnel is over. */
export function closedError(closed: TunnelClosed): UserError {
  if (closed.error !== undefined) {
    return closed.error;
  }
  switch (closed.reason) {
    case "terminated":
      return new UserError("TunnelClosed", "The tunnel is closed.");
    case "timed-out":
      return new UserError("SessionTimedOut", "The session timed out.", { next: "Connect again." });
    default:
      return new UserError("SessionEnded", "The session has ended.", {
        why: closed.output ?? "",
        next: "Check that your grant is live with `sallyport grants list`, then connect again.",
      });
  }
}

/** The connection was lost and could not be resumed in all attempts. */
export function lostError(detail: string, attempts: number): UserError {
  return new UserError("TunnelLost", "The connection to the session was lost and could not be resumed.", {
    why: `${attempts} attempts failed${detail === "" ? "" : `, the last one with: ${detail}`}.`,
    next: "Check the network, then connect again.",
  });
}

/** The far end broke the protocol. */
export function brokenError(problem: string): UserError {
  return new UserError("TunnelBroken", "The tunnel was closed because its far end broke the protocol.", {
    why: `It sent a ${problem}.`,
    next: "Connect again; if it stays so, report this with the version of the proxy.",
  });
}
