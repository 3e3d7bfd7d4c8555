import { expect, it } from "vitest";
import { failureOf } from "./status.ts";

const status = (code: number, reason: string, message = "", details: object = {}) => ({
  kind: "Status",
  code,
  reason,
  message,
  details,
});

it.each([
  ["notFound", status(404, "NotFound")],
  ["conflict", status(409, "Conflict")],
  ["alreadyExists", status(409, "AlreadyExists")],
  ["gone", status(410, "Gone")],
  ["gone", status(410, "Expired", "too old resource version: 5 (17)")],
  ["gone", status(400, "Expired")],
  ["resourceVersionTooLarge", status(504, "Timeout", "Too large resource version: 999999, current: 17")],
  ["resourceVersionTooLarge", status(504, "Timeout", "", { causes: [{ reason: "ResourceVersionTooLarge" }] })],
  ["tooManyRequests", status(429, "TooManyRequests")],
  ["invalid", status(422, "Invalid")],
  ["forbidden", status(403, "Forbidden")],
  ["unauthorized", status(401, "Unauthorized")],
  ["unavailable", status(500, "InternalError")],
  ["unavailable", status(504, "Timeout")],
  ["unavailable", status(503, "ServiceUnavailable")],
  ["refused", status(400, "BadRequest")],
  ["refused", status(415, "UnsupportedMediaType")],
] as const)("knows %s, as an answer and as an event of a watch: %j", (kind, body) => {
  expect(failureOf(body.code, JSON.stringify(body)).kind).toBe(kind);
  expect(failureOf(0, body).kind).toBe(kind);
});

it("reads how long to wait from the header, in seconds or as a date, and else from the Status", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");

  expect(failureOf(429, "", "7").retryAfterMs).toBe(7_000);
  expect(failureOf(429, "", "Thu, 01 Jan 2026 00:00:09 GMT", now).retryAfterMs).toBe(9_000);
  expect(failureOf(429, status(429, "", "", { retryAfterSeconds: 2 })).retryAfterMs).toBe(2_000);
  expect(failureOf(429, "", "Wed, 31 Dec 2025 23:59:59 GMT", now).retryAfterMs).toBeUndefined();
  expect(failureOf(429, "", "soon").retryAfterMs).toBeUndefined();
});

it("names the fields that an invalid object breaks", () => {
  const causes = [{ reason: "FieldValueInvalid", message: "must be lower", field: "spec.durationSeconds" }];

  expect(failureOf(422, JSON.stringify(status(422, "Invalid", "", { causes }))).causes).toEqual(causes);
});

it("shows the beginning of what is no Status: a load balancer's page says who answered", () => {
  expect(failureOf(502, `<html>Bad Gateway${"x".repeat(500)}`)).toMatchObject({ kind: "unavailable", code: 502 });
  expect(failureOf(502, `<html>Bad Gateway${"x".repeat(500)}`).message).toHaveLength(200);
  expect(failureOf(502, "").message).toBe("the API server answered 502");
});
