import { STATUS_CODES } from "node:http";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import type { Clock } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";
import type { Authorize } from "../authorize.ts";
import { AwsError } from "../service.ts";
import type { Call } from "../service.ts";
import { sessionARN, sessionContext } from "./access.ts";
import type { SessionRegistry } from "./session-registry.ts";

/** What the data channel's door needs. */
export interface DataChannelDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly authorize: Authorize;
  readonly sessions: SessionRegistry;
  /**
   * Verifies a SigV4 signature (service `ssmmessages`) of the upgrade request. Undefined: it is not signed, as by clients
   * older than plugin 1.2.764. Throws AwsError when a signature is there and wrong.
   */
  readonly verifyUpgrade: (request: IncomingMessage) => Promise<Call | undefined> | Call | undefined;
}

/** Path of the websocket; the rest is the session ID. */
const dataChannelPath = "/v1/data-channel/";

/** Largest message of a client, in bytes: sixteen times the largest that the reference client accepts itself. */
const messageMaxBytes = 1024 * 1024;

/** How long a client may take to say its token after the upgrade, in ms. */
const tokenTimeoutMs = 15_000;

/** "Unsupported data", RFC 6455 section 7.4.1: how the service refuses a token. */
const unsupportedData = 1003;

/** A close frame's reason has at most 123 bytes, RFC 6455 section 5.5.1. */
const reasonMaxBytes = 123;

/** Opens data channels: checks the signature if there is one, then the token in the first text frame. */
export function createDataChannel(deps: DataChannelDeps): {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
  close(): void;
} {
  const server = new WebSocketServer({ noServer: true, maxPayload: messageMaxBytes, perMessageDeflate: false });
  return {
    async upgrade(request, socket, head) {
      const sessionID = sessionIDOf(request);
      // Until the websocket owns the socket nobody else listens, and an unheard error ends the process.
      const onError = (): void => void socket.destroy();
      socket.on("error", onError);
      try {
        if (!(request.url ?? "").startsWith(dataChannelPath)) {
          throw new AwsError("ResourceNotFoundException", "There is no websocket at this path.", 404);
        }
        await checkSignature(deps, request, sessionID);
      } catch (error) {
        refuseUpgrade(deps, socket, error);
        return;
      }
      socket.off("error", onError);
      server.handleUpgrade(request, socket, head, (client) => awaitToken(deps, client, socket, sessionID));
    },
    close() {
      for (const client of server.clients) {
        client.terminate();
      }
      server.close();
    },
  };
}

function sessionIDOf(request: IncomingMessage): string {
  const path = (request.url ?? "").split("?")[0] ?? "";
  try {
    return decodeURIComponent(path.slice(dataChannelPath.length));
  } catch {
    return "";
  }
}

async function checkSignature(deps: DataChannelDeps, request: IncomingMessage, sessionID: string): Promise<void> {
  const call = await deps.verifyUpgrade(request);
  if (call === undefined) {
    return;
  }
  const session = deps.sessions.find(sessionID);
  const arn = sessionARN(call.region, call.caller?.accountID ?? "", sessionID);
  deps.authorize(call, "ssmmessages:OpenDataChannel", arn, session === undefined ? {} : sessionContext(session.start));
}

function refuseUpgrade(deps: DataChannelDeps, socket: Duplex, thrown: unknown): void {
  const known = thrown instanceof AwsError;
  if (!known) {
    deps.log.error("data channel upgrade failed", { error: thrown });
  }
  const status = known ? (thrown.status === 400 ? 403 : thrown.status) : 500;
  const body = JSON.stringify({
    __type: known ? thrown.code : "InternalServerError",
    message: known ? thrown.message : "Internal server error",
  });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\nContent-Type: application/x-amz-json-1.1\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function awaitToken(deps: DataChannelDeps, client: WebSocket, raw: Duplex, sessionID: string): void {
  const refuse = (): void => {
    const reason = `Channel ${sessionID}: request to open data channel does not contain token.`;
    client.close(unsupportedData, Buffer.from(reason).subarray(0, reasonMaxBytes));
  };
  const cancel = deps.clock.after(tokenTimeoutMs, refuse);
  client.on("error", (error) => deps.log.debug("data channel socket failed", { sessionID, error }));
  client.once("close", cancel);
  client.once("message", (data: Buffer, isBinary: boolean) => {
    cancel();
    const session = deps.sessions.find(sessionID);
    if (isBinary || session === undefined || !session.redeemToken(readToken(data))) {
      refuse();
      return;
    }
    session.attach(client, raw);
  });
}

/** The token of an OpenDataChannelInput; empty when there is none. */
function readToken(data: Buffer): string {
  try {
    const input = JSON.parse(data.toString()) as { TokenValue?: unknown; MessageSchemaVersion?: unknown } | null;
    return input?.MessageSchemaVersion === "1.0" && typeof input.TokenValue === "string" ? input.TokenValue : "";
  } catch {
    return "";
  }
}
