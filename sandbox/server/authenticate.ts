import type { EpochMs } from "#lib/clock.ts";
import type { CredentialRecord } from "../credentials.ts";
import { AwsError, type Caller, type Service } from "../service.ts";
import type { HttpRequest } from "./request.ts";
import { type Claim, formatTimestamp, parseTimestamp, readClaim, signatureMatches } from "./sigv4.ts";

/** What is needed to find out who signed a request. */
export interface Authentication {
  readonly find: (accessKeyID: string) => CredentialRecord | undefined;
  readonly now: EpochMs;
  /** Regions that a credential scope may name. */
  readonly regions: readonly string[];
}

/**
 * How far a signature's time may be from ours, in minutes. Seen in AWS's own messages: 15 for STS and IAM (header and presigned
 * alike; `X-Amz-Expires` is ignored), 5 for services of the JSON protocols.
 */
export const signatureMinutesMax = { query: 15, json: 5, "rest-json": 5 } as const;

/** Names of the same refusals in the two families of protocols, and the HTTP status that goes with them. */
const refusals = {
  missing: { json: "MissingAuthenticationTokenException", query: "MissingAuthenticationToken" },
  incomplete: { json: "IncompleteSignatureException", query: "IncompleteSignature" },
  unknownKey: { json: "UnrecognizedClientException", query: "InvalidClientTokenId" },
  signature: { json: "InvalidSignatureException", query: "SignatureDoesNotMatch" },
  expired: { json: "ExpiredTokenException", query: "ExpiredToken" },
} as const;

/** Verifies a request's signature, in the header or in the query. Throws the error that AWS answers when it does not hold. */
export function authenticate(request: HttpRequest, service: Service, parts: Authentication): Caller {
  const refuse = (refusal: keyof typeof refusals, message: string): AwsError =>
    service.protocol === "query"
      ? new AwsError(refusals[refusal].query, message, 403)
      : new AwsError(refusals[refusal].json, message, 400);
  const claim = readClaim(request);
  if (claim === "missing") {
    throw refuse("missing", "Request is missing Authentication Token");
  }
  if ("incomplete" in claim) {
    throw refuse("incomplete", claim.incomplete);
  }
  const record = parts.find(claim.accessKeyID);
  if (record === undefined || record.sessionToken !== claim.sessionToken) {
    throw refuse("unknownKey", "The security token included in the request is invalid.");
  }
  const problem =
    scopeProblem(claim, service, parts.regions) ??
    timeProblem(claim, parts.now, signatureMinutesMax[service.protocol]) ??
    headerProblem(claim, request);
  if (problem !== undefined) {
    throw refuse("signature", problem);
  }
  if (!signatureMatches(request, claim, record.secretAccessKey)) {
    throw refuse(
      "signature",
      "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
    );
  }
  if (record.expiresAt !== undefined && record.expiresAt <= parts.now) {
    throw refuse("expired", "The security token included in the request is expired");
  }
  return {
    accountID: record.accountID,
    arn: record.arn,
    userID: record.userID,
    accessKeyID: record.accessKeyID,
    ...(record.roleARN === undefined ? {} : { roleARN: record.roleARN }),
    permissions: record.permissions,
  };
}

function scopeProblem(claim: Claim, service: Service, regions: readonly string[]): string | undefined {
  if (claim.scopeService !== service.signingName) {
    return `Credential should be scoped to correct service: '${service.signingName}'.`;
  }
  if (!regions.includes(claim.scopeRegion)) {
    return `Credential should be scoped to a valid region, not '${claim.scopeRegion}'.`;
  }
  if (claim.scopeDate !== claim.timestamp.slice(0, 8)) {
    return `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${claim.scopeDate}' != '${claim.timestamp.slice(0, 8)}', from '${claim.timestamp}'.`;
  }
  return undefined;
}

function timeProblem(claim: Claim, now: EpochMs, minutes: number): string | undefined {
  const signedAt = parseTimestamp(claim.timestamp);
  if (signedAt === undefined) {
    return `Date must be in ISO-8601 'basic format'. Got '${claim.timestamp}'.`;
  }
  const windowMs = minutes * 60_000;
  if (signedAt < now - windowMs) {
    return `Signature expired: ${claim.timestamp} is now earlier than ${formatTimestamp(now - windowMs)} (${formatTimestamp(now)} - ${minutes} min.)`;
  }
  if (signedAt > now + windowMs) {
    return `Signature not yet current: ${claim.timestamp} is still later than ${formatTimestamp(now + windowMs)} (${formatTimestamp(now)} + ${minutes} min.)`;
  }
  return undefined;
}

/** The host must be signed, and in the header form so must the target, or a signature could be moved to another operation. */
function headerProblem(claim: Claim, request: HttpRequest): string | undefined {
  const needed = ["host", "x-amz-target"].filter((name) => request.headers[name] !== undefined);
  const unsigned = needed.find((name) => !claim.signedHeaders.includes(name));
  return unsigned === undefined ? undefined : `'${unsigned}' must be a 'SignedHeader' in the AWS Authorization.`;
}
