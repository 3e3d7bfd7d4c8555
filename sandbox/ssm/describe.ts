import { AwsError } from "../service.ts";
import type { Session } from "./session.ts";

const pageMax = 200;

/** Filters of DescribeSessions by key, each a test of one value against a session. */
const filters: Readonly<Record<string, (session: Session, value: string) => boolean>> = {
  InvokedAfter: (session, value) => session.startDate > Date.parse(value),
  InvokedBefore: (session, value) => session.startDate < Date.parse(value),
  Target: (session, value) => session.start.targetName === value,
  Owner: (session, value) => session.start.ownerARN === value,
  Status: (session, value) => session.status === value,
  SessionId: (session, value) => session.start.sessionID === value,
  AccessType: (_session, value) => value === "Standard",
};

/** Lists sessions, newest first, in pages. `State` is Active or History. Throws InvalidFilterKey and InvalidNextToken. */
export function describeSessions(sessions: readonly Session[], input: Record<string, unknown>): unknown {
  const { State } = input;
  if (State !== "Active" && State !== "History") {
    throw new AwsError("ValidationException", "1 validation error detected: State must be one of [Active, History]");
  }
  const wanted = readFilters(input["Filters"]);
  const matching = sessions
    .filter((session) => (session.endedBy === undefined) === (State === "Active"))
    .filter((session) => wanted.every(([key, value]) => filters[key]?.(session, value)))
    .toReversed();
  const from = readToken(input["NextToken"], matching.length);
  const size = readSize(input["MaxResults"]);
  const end = from + size;
  return {
    Sessions: matching.slice(from, end).map(shape),
    ...(end < matching.length ? { NextToken: String(end) } : {}),
  };
}

function shape(session: Session): unknown {
  const { start } = session;
  return {
    SessionId: start.sessionID,
    Target: start.targetName,
    Status: session.status,
    // AWS JSON 1.1 writes timestamps as epoch seconds.
    StartDate: session.startDate / 1000,
    ...(session.endDate === undefined ? {} : { EndDate: session.endDate / 1000 }),
    DocumentName: start.documentName,
    Owner: start.ownerARN,
    ...(start.reason === undefined ? {} : { Reason: start.reason }),
    OutputUrl: {},
    AccessType: "Standard",
  };
}

function readFilters(value: unknown): [string, string][] {
  if (value === undefined || value === null) {
    return [];
  }
  if (!Array.isArray(value) || value.length < 1 || value.length > 6) {
    throw new AwsError("ValidationException", "1 validation error detected: Filters must have 1 to 6 members");
  }
  return (value as { key?: unknown; value?: unknown }[]).map((filter) => {
    const key = String(filter.key);
    if (!Object.hasOwn(filters, key)) {
      throw new AwsError("InvalidFilterKey", `The filter key ${key} is not valid.`);
    }
    return [key, String(filter.value)];
  });
}

function readToken(value: unknown, count: number): number {
  if (value === undefined || value === null) {
    return 0;
  }
  if (typeof value !== "string" || !/^\d{1,9}$/.test(value) || Number(value) > count) {
    throw new AwsError("InvalidNextToken", "The specified token is not valid.");
  }
  return Number(value);
}

function readSize(value: unknown): number {
  const size = value ?? pageMax;
  if (typeof size !== "number" || !Number.isInteger(size) || size < 1 || size > pageMax) {
    throw new AwsError("ValidationException", `1 validation error detected: MaxResults must be 1 to ${pageMax}`);
  }
  return size;
}
