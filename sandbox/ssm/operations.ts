import type { Authorize, Evaluate } from "../authorize.ts";
import { AwsError } from "../service.ts";
import type { Call, Operation } from "../service.ts";
import { authorizeStart, sessionARN, sessionContext, resourceTags } from "./access.ts";
import { describeSessions } from "./describe.ts";
import { portProperties } from "./documents.ts";
import type { Session } from "./session.ts";
import type { SessionRegistry } from "./session-registry.ts";
import { parseTargetName } from "./target.ts";
import type { Target, TargetDirectory } from "./target.ts";

/** What the operations work on. */
export interface OperationDeps {
  readonly authorize: Authorize;
  readonly evaluate: Evaluate;
  readonly targets: TargetDirectory;
  readonly sessions: SessionRegistry;
  /** `http://127.0.0.1:<port>`; stream URLs are its websocket form. */
  readonly url: () => string;
}

/** The session operations of Systems Manager (API reference 2014-11-06). */
export function sessionOperations(deps: OperationDeps): Readonly<Record<string, Operation>> {
  return {
    StartSession: (input, call) => startSession(deps, input, call),
    ResumeSession: (input, call) => resumeSession(deps, input, call),
    TerminateSession: (input, call) => terminateSession(deps, input, call),
    DescribeSessions(input, call) {
      deps.authorize(call, "ssm:DescribeSessions", "*");
      return describeSessions(deps.sessions.ofAccount(accountOf(call)), input);
    },
    GetConnectionStatus(input, call) {
      const Target = text(input, "Target", /^[^]{1,400}$/);
      const { arn, tags, target } = findTarget(deps, call, Target);
      deps.authorize(call, "ssm:GetConnectionStatus", arn, resourceTags(tags));
      return { Target, Status: target?.connected === true ? "connected" : "notconnected" };
    },
  };
}

function startSession(deps: OperationDeps, input: Record<string, unknown>, call: Call): unknown {
  const targetName = text(input, "Target", /^[^]{1,400}$/);
  const documentName = optionalText(input, "DocumentName", /^[a-zA-Z0-9_\-.:/]{3,128}$/);
  const reason = optionalText(input, "Reason", /^[^]{1,256}$/);
  const parameters = optionalMap(input, "Parameters");
  const found = findTarget(deps, call, targetName);
  authorizeStart(call, deps.evaluate, found, documentName);
  const properties = portProperties(documentName ?? "SSM-SessionManagerRunShell", parameters);
  const { target } = found;
  if (target?.connected !== true) {
    throw new AwsError("TargetNotConnected", `${targetName} is not connected.`);
  }
  const caller = call.caller;
  const session = deps.sessions.start({
    accountID: accountOf(call),
    region: call.region,
    targetName,
    documentName: documentName ?? "",
    reason,
    ownerARN: caller?.arn ?? "",
    ownerUserID: caller?.userID ?? "",
    destination: { host: target.host, port: Number(properties.portNumber) },
    properties,
  });
  return streamOf(deps, session, session.issueToken());
}

function resumeSession(deps: OperationDeps, input: Record<string, unknown>, call: Call): unknown {
  const session = findSession(deps, "ssm:ResumeSession", input, call);
  if (session === undefined || (session.endedBy !== undefined && session.endedBy !== "TimedOut")) {
    throw new AwsError("DoesNotExistException", `Session ${String(input["SessionId"])} does not exist.`);
  }
  // A session that timed out is answered with an empty token, which clients show as a time-out.
  return streamOf(deps, session, session.endedBy === undefined ? session.issueToken() : "");
}

function terminateSession(deps: OperationDeps, input: Record<string, unknown>, call: Call): unknown {
  const session = findSession(deps, "ssm:TerminateSession", input, call);
  session?.end("Request", `Session terminated by ${call.caller?.arn ?? ""}`);
  return { SessionId: input["SessionId"] };
}

/** Finds the session and checks the right to it. One that does not exist has no owner tag, so conditions on it fail. */
function findSession(
  deps: OperationDeps,
  action: string,
  input: Record<string, unknown>,
  call: Call,
): Session | undefined {
  const sessionID = text(input, "SessionId", /^[^]{1,96}$/);
  const session = deps.sessions.ofAccount(accountOf(call)).find((one) => one.start.sessionID === sessionID);
  const context = session === undefined ? {} : sessionContext(session.start);
  deps.authorize(call, action, sessionARN(call.region, accountOf(call), sessionID), context);
  return session;
}

function findTarget(
  deps: OperationDeps,
  call: Call,
  targetName: string,
): { arn: string; tags: Readonly<Record<string, string>>; target: Target | undefined } {
  const target = deps.targets.find(accountOf(call), targetName);
  if (target !== undefined) {
    return { arn: target.resourceARN, tags: target.tags, target };
  }
  const parts = parseTargetName(targetName);
  const arn =
    parts === undefined
      ? `arn:aws:ec2:${call.region}:${accountOf(call)}:instance/${targetName}`
      : `arn:aws:ecs:${call.region}:${accountOf(call)}:task/${parts.clusterName}/${parts.taskID}`;
  return { arn, tags: {}, target: undefined };
}

function streamOf(deps: OperationDeps, session: Session, TokenValue: string): unknown {
  const { sessionID } = session.start;
  const base = deps.url().replace(/^http/, "ws");
  // The cell number is base64 and opaque; its signs + and / are there to be seen by clients that decode the query.
  const StreamUrl = `${base}/v1/data-channel/${sessionID}?role=publish_subscribe&cell-number=AAEAAV/sandbox+cell==`;
  return { SessionId: sessionID, TokenValue, StreamUrl };
}

function accountOf(call: Call): string {
  return call.caller?.accountID ?? "";
}

function text(input: Record<string, unknown>, key: string, pattern: RegExp): string {
  const value = optionalText(input, key, pattern);
  if (value === undefined) {
    throw new AwsError("ValidationException", `1 validation error detected: ${key} must not be null`);
  }
  return value;
}

function optionalText(input: Record<string, unknown>, key: string, pattern: RegExp): string | undefined {
  const value = input[key];
  if (value === undefined || value === null) {
    return undefined;
  }
  if (typeof value !== "string" || !pattern.test(value)) {
    const message = `1 validation error detected: Value at '${key}' failed to satisfy constraint: ${pattern.source}`;
    throw new AwsError("ValidationException", message);
  }
  return value;
}

function optionalMap(input: Record<string, unknown>, key: string): Readonly<Record<string, unknown>> {
  const value = input[key] ?? {};
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new AwsError("SerializationException", `${key} must be a map of lists of strings`);
  }
  return value as Record<string, unknown>;
}
