import { expect, it } from "vitest";
import { callAwsOptional, classifyFailure, isFailure } from "./errors.ts";
import { AwsFailure } from "./ports.ts";

const thrown = (name: string, status?: number) =>
  Object.assign(new Error("said AWS"), { name, $metadata: { httpStatusCode: status } });

it.each([
  ["ConflictException", 400, "conflict"],
  ["ThrottlingException", 400, "throttled"],
  ["Throttling", 400, "throttled"],
  ["TooManyRequestsException", 429, "throttled"],
  ["AccessDeniedException", 400, "denied"],
  ["AccessDenied", 403, "denied"],
  ["ExpiredTokenException", 403, "credentials"],
  ["ResourceNotFoundException", 400, "not-found"],
  ["NoSuchEntityException", 404, "not-found"],
  ["DBInstanceNotFoundFault", 404, "not-found"],
  ["ClusterNotFoundException", 400, "not-found"],
  ["ServiceQuotaExceededException", 402, "quota"],
  ["ValidationException", 400, "invalid"],
  ["InternalServerException", 500, "unavailable"],
  ["TimeoutError", undefined, "unavailable"],
  ["UnknownError", 404, "unavailable"],
  ["SomethingNew", 400, "invalid"],
  ["SomethingNew", 503, "unavailable"],
  ["SomethingNew", undefined, "unavailable"],
])("%s (%s) is %s", (name, status, failure) => {
  const classified = classifyFailure(thrown(name, status), "sso:CreatePermissionSet");

  expect(classified).toMatchObject({ failure, code: name, call: "sso:CreatePermissionSet" });
  expect(classified.message).toBe(`sso:CreatePermissionSet: ${name}: said AWS`);
});

it.each(["ECONNRESET", "EPIPE"])("calls a connection that was cut %s, which the SDK names TimeoutError", (code) => {
  const classified = classifyFailure(Object.assign(thrown("TimeoutError"), { code }), "sso:X");

  expect(classified).toMatchObject({ failure: "unavailable", code });
});

it("classifies once, and whatever was thrown", () => {
  const failure = new AwsFailure("busy", "AccountBusy", "sso:UpdateRole", "");

  expect(classifyFailure(failure, "other")).toBe(failure);
  expect(classifyFailure("text", "sso:X").failure).toBe("unavailable");
});

it("tells failures of AWS from defects", () => {
  const failure = classifyFailure(thrown("ConflictException", 400), "sso:X");

  expect(isFailure(failure)).toBe(true);
  expect(isFailure(failure, "conflict", "busy")).toBe(true);
  expect(isFailure(failure, "denied")).toBe(false);
  expect(isFailure(new Error("a defect"))).toBe(false);
});

it("answers undefined for what does not exist, and nothing else", async () => {
  const missing = () => Promise.reject(thrown("ResourceNotFoundException", 400));
  const denied = () => Promise.reject(thrown("AccessDeniedException", 400));

  expect(await callAwsOptional("sso:X", missing)).toBeUndefined();
  await expect(callAwsOptional("sso:X", denied)).rejects.toMatchObject({ failure: "denied" });
});
