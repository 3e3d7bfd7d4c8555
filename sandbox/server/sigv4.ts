import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { decodePairs, type HttpRequest } from "./request.ts";

/**
 * AWS Signature Version 4, the receiving side.
 * Source: AWS, "Create a signed AWS API request" (IAM User Guide): canonical request, string to sign, signing key.
 */

/** What a request claims, before anything is checked. */
export interface Claim {
  readonly form: "header" | "query";
  readonly accessKeyID: string;
  /** `YYYYMMDD` of the credential scope. */
  readonly scopeDate: string;
  readonly scopeRegion: string;
  readonly scopeService: string;
  /** `YYYYMMDDTHHMMSSZ`. */
  readonly timestamp: string;
  /** Lower case, in the order given. */
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly sessionToken: string | undefined;
}

/** Why no claim could be read. */
export type ClaimProblem = "missing" | { readonly incomplete: string };

const algorithm = "AWS4-HMAC-SHA256";

/** Reads the signature of a request from its Authorization header or from its query. */
export function readClaim(request: HttpRequest): Claim | ClaimProblem {
  const authorization = request.headers["authorization"];
  const query = queryParameters(request.query);
  if (query === undefined) {
    return { incomplete: "The query string is not valid." };
  }
  if (query.has("X-Amz-Signature") || query.has("X-Amz-Credential")) {
    return authorization === undefined
      ? queryClaim(query)
      : { incomplete: "Only one authentication mechanism is allowed: the query string or the Authorization header." };
  }
  return authorization === undefined ? "missing" : headerClaim(authorization, request.headers);
}

/** Signs what the request holds with the secret key and compares, in constant time. */
export function signatureMatches(request: HttpRequest, claim: Claim, secretAccessKey: string): boolean {
  const canonical = canonicalRequest(request, claim);
  if (canonical === undefined) {
    return false;
  }
  const scope = `${claim.scopeDate}/${claim.scopeRegion}/${claim.scopeService}/aws4_request`;
  const stringToSign = [algorithm, claim.timestamp, scope, sha256Hex(canonical)].join("\n");
  let key = hmac(`AWS4${secretAccessKey}`, claim.scopeDate);
  for (const part of [claim.scopeRegion, claim.scopeService, "aws4_request"]) {
    key = hmac(key, part);
  }
  const expected = hmac(key, stringToSign);
  const given = Buffer.from(claim.signature, "hex");
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** `20260102T030405Z` as milliseconds since the epoch; undefined when it is not such a time. */
export function parseTimestamp(timestamp: string): number | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(timestamp);
  if (parts === null) {
    return undefined;
  }
  const [, year, month, day, hour, minute, second] = parts;
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(ms) ? undefined : ms;
}

/** The reverse of `parseTimestamp`, to the second. */
export function formatTimestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
}

function headerClaim(authorization: string, headers: HttpRequest["headers"]): Claim | ClaimProblem {
  const match = /^AWS4-HMAC-SHA256\s+(.*)$/.exec(authorization);
  if (match === null) {
    return "missing";
  }
  const fields = new Map<string, string>();
  for (const part of (match[1] ?? "").split(",")) {
    const mark = part.indexOf("=");
    fields.set(part.slice(0, mark).trim(), part.slice(mark + 1).trim());
  }
  return compileClaim("header", {
    credential: fields.get("Credential"),
    signedHeaders: fields.get("SignedHeaders"),
    signature: fields.get("Signature"),
    timestamp: headers["x-amz-date"] ?? timestampOfDate(headers["date"]),
    sessionToken: headers["x-amz-security-token"],
  });
}

function queryClaim(query: ReadonlyMap<string, string>): Claim | ClaimProblem {
  if (query.get("X-Amz-Algorithm") !== algorithm) {
    return { incomplete: `Unsupported AWS 'algorithm': '${query.get("X-Amz-Algorithm") ?? ""}'.` };
  }
  return compileClaim("query", {
    credential: query.get("X-Amz-Credential"),
    signedHeaders: query.get("X-Amz-SignedHeaders"),
    signature: query.get("X-Amz-Signature"),
    timestamp: query.get("X-Amz-Date"),
    sessionToken: query.get("X-Amz-Security-Token"),
  });
}

interface ClaimFields {
  credential: string | undefined;
  signedHeaders: string | undefined;
  signature: string | undefined;
  timestamp: string | undefined;
  sessionToken: string | undefined;
}

function compileClaim(form: Claim["form"], fields: ClaimFields): Claim | ClaimProblem {
  for (const name of ["credential", "signedHeaders", "signature", "timestamp"] as const) {
    if (fields[name] === undefined || fields[name] === "") {
      return { incomplete: `Authorization requires '${name}'.` };
    }
  }
  const scope = (fields.credential ?? "").split("/");
  const [accessKeyID, scopeDate, scopeRegion, scopeService, terminator] = scope;
  if (scope.length !== 5 || terminator !== "aws4_request") {
    return { incomplete: "Credential must have exactly 5 slash-delimited elements ending in aws4_request." };
  }
  return {
    form,
    accessKeyID: accessKeyID ?? "",
    scopeDate: scopeDate ?? "",
    scopeRegion: scopeRegion ?? "",
    scopeService: scopeService ?? "",
    timestamp: fields.timestamp ?? "",
    signedHeaders: (fields.signedHeaders ?? "").toLowerCase().split(";"),
    signature: fields.signature ?? "",
    sessionToken: fields.sessionToken,
  };
}

/** Undefined when a signed header is not in the request: no signature can match then. */
function canonicalRequest(request: HttpRequest, claim: Claim): string | undefined {
  const headerLines: string[] = [];
  for (const name of [...claim.signedHeaders].sort()) {
    const value = request.headers[name];
    if (value === undefined) {
      return undefined;
    }
    headerLines.push(`${name}:${value.trim().replaceAll(/ +/g, " ")}\n`);
  }
  return [
    request.method,
    canonicalPath(request.path),
    canonicalQuery(request.query),
    headerLines.join(""),
    [...claim.signedHeaders].sort().join(";"),
    sha256Hex(request.body),
  ].join("\n");
}

/**
 * Services other than S3 take the path without dot segments and repeated slashes (RFC 3986 section 6), and encode each segment
 * twice: once on the wire, once for the signature.
 */
function canonicalPath(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") {
      segments.pop();
    } else if (segment !== "" && segment !== ".") {
      segments.push(encode(segment));
    }
  }
  const isFolder = segments.length > 0 && path.endsWith("/");
  return `/${segments.join("/")}${isFolder ? "/" : ""}`;
}

function canonicalQuery(query: string): string {
  return decodePairs(query)
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([nameA, valueA], [nameB, valueB]) => compare(nameA, nameB) || compare(valueA, valueB))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

/** RFC 3986 percent-encoding of everything but unreserved characters. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The last value of a repeated name counts for nothing here: repeating a signature parameter makes the request invalid. */
function queryParameters(query: string): ReadonlyMap<string, string> | undefined {
  try {
    const parameters = new Map<string, string>();
    for (const [name, value] of decodePairs(query)) {
      if (name.startsWith("X-Amz-") && parameters.has(name)) {
        return undefined;
      }
      parameters.set(name, value);
    }
    return parameters;
  } catch {
    return undefined;
  }
}

function timestampOfDate(date: string | undefined): string | undefined {
  const ms = Date.parse(date ?? "");
  return Number.isNaN(ms) ? undefined : formatTimestamp(ms);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function sha256Hex(data: string | Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}
