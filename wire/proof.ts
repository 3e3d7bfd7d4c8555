import { Sha256 } from "@aws-crypto/sha256-js";
import { HttpRequest } from "@smithy/protocol-http";
import { SignatureV4 } from "@smithy/signature-v4";
import type { Clock } from "#lib/clock.ts";
import { type AssumedRole, parseAssumedRole } from "./identity.ts";

/**
 * Proves who the sender is: the variable parts of a presigned `sts:GetCallerIdentity` request. The receiver builds the
 * request itself from these parts, its own STS endpoint and the audience it expects, and asks STS; nothing of the sender's
 * choosing but these parts reaches STS. Never log one: until it expires it proves its sender to whoever holds the nonce.
 * Source: AWS Signature Version 4, query form; STS API reference, GetCallerIdentity.
 */
export interface IdentityProof {
  /** `<access key id>/<yyyymmdd>/<region>/sts/aws4_request` */
  readonly credential: string;
  /** `yyyymmddThhmmssZ` */
  readonly date: string;
  readonly signature: string;
  /** Present for temporary credentials, which every person and task has. */
  readonly securityToken?: string;
}

/** AWS credentials as the SDK's providers give them. */
export interface ProofCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Where STS is: the endpoint that both sides sign for, such as `https://sts.eu-west-1.amazonaws.com`, and its region. */
export interface StsEndpoint {
  readonly url: string;
  readonly region: string;
}

/** Name of the signed header that binds a proof to what it is for. */
export const audienceHeader = "x-sallyport-audience";
/** A proof is used at once; a minute covers clock differences within AWS's own tolerance. STS itself would take it for 15 minutes. */
export const proofAgeMaxMs = 60_000;
/** Temporary-credential tokens are below 4 KiB today; a larger one is refused unread. */
const partCharactersMax = 8_192;

/** What a proof is for. It is signed, so a proof for one purpose, proxy, grant or nonce is worthless for any other. */
export type Audience =
  | { readonly purpose: "login"; readonly installation: string; readonly nonce: string }
  | {
      readonly purpose: "connect";
      readonly installation: string;
      readonly proxy: string;
      readonly grantID: string;
      readonly nonce: string;
    }
  | { readonly purpose: "link"; readonly installation: string; readonly proxy: string; readonly nonce: string };

/** The audience as the value of the signed header. Parts are percent-encoded, so no part can run into the next. */
export function formatAudience(audience: Audience): string {
  const parts = Object.entries(audience).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return `sallyport/v1 ${parts.join(" ")}`;
}

/** Signs a proof for `audience` with `credentials`, at `now`. */
export async function createProof(
  audience: Audience,
  credentials: ProofCredentials,
  sts: StsEndpoint,
  now: Date,
): Promise<IdentityProof> {
  const endpoint = new URL(sts.url);
  const signer = new SignatureV4({ service: "sts", region: sts.region, credentials, sha256: Sha256 });
  const request = new HttpRequest({
    method: "GET",
    protocol: endpoint.protocol,
    hostname: endpoint.hostname,
    path: "/",
    query: { Action: "GetCallerIdentity", Version: "2011-06-15" },
    headers: { host: endpoint.host, [audienceHeader]: formatAudience(audience) },
  });
  const signed = await signer.presign(request, {
    expiresIn: proofAgeMaxMs / 1_000,
    signingDate: now,
    unhoistableHeaders: new Set([audienceHeader]),
  });
  const query = signed.query ?? {};
  const token = query["X-Amz-Security-Token"];
  return {
    credential: String(query["X-Amz-Credential"]),
    date: String(query["X-Amz-Date"]),
    signature: String(query["X-Amz-Signature"]),
    ...(token === undefined || token === null ? {} : { securityToken: String(token) }),
  };
}

/** Who STS says the sender is. */
export interface ProvenIdentity {
  readonly accountID: string;
  /** The ARN as STS gives it. */
  readonly arn: string;
  /** The unique id of the role (`AROA…`), which a look-alike role name cannot copy. */
  readonly roleID: string;
  readonly role: AssumedRole;
}

/** Why a proof was not accepted. `unavailable` is the only one that a retry may mend. */
export type ProofRefusal = {
  readonly refused: "malformed" | "expired" | "rejected" | "not-a-role" | "unavailable";
  readonly detail: string;
};

/** What `verifyProof` needs from outside. `fetch` is the global one or a stand-in with the same shape. */
export interface ProofVerifier {
  readonly sts: StsEndpoint;
  readonly clock: Clock;
  readonly fetch: typeof globalThis.fetch;
}

const credentialPattern = /^[A-Z0-9]{16,128}\/(\d{8})\/([a-z0-9-]{1,32})\/sts\/aws4_request$/;
const datePattern = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/;
const signaturePattern = /^[0-9a-f]{64}$/;
/** STS answers within milliseconds; a handshake must not wait longer than a person would. */
const stsTimeoutMs = 10_000;

/**
 * Asks STS who signed `proof` for `audience`. Single use is the caller's duty: it issues the nonce inside `audience` and
 * forgets it at the first use. Only assumed roles are accepted, since only they can be bound to a permission set or task.
 */
export async function verifyProof(
  proof: unknown,
  audience: Audience,
  verifier: ProofVerifier,
): Promise<ProvenIdentity | ProofRefusal> {
  const parts = readProof(proof, verifier.sts.region);
  if (parts === undefined) {
    return { refused: "malformed", detail: "the identity proof does not have the expected form" };
  }
  const ageMs = verifier.clock.now() - signedAt(parts.date);
  // A date that is none has no age, and no comparison with it is true.
  if (!(Math.abs(ageMs) <= proofAgeMaxMs)) {
    return {
      refused: "expired",
      detail: `the identity proof was signed ${Math.round(ageMs / 1_000)} s ago by this clock`,
    };
  }
  let response: Response;
  try {
    response = await verifier.fetch(stsUrl(parts, verifier.sts), {
      headers: { accept: "application/json", [audienceHeader]: formatAudience(audience) },
      redirect: "error",
      signal: AbortSignal.timeout(stsTimeoutMs),
    });
  } catch {
    return { refused: "unavailable", detail: "STS could not be reached" };
  }
  if (response.status >= 500 || response.status === 429) {
    return { refused: "unavailable", detail: `STS answered ${response.status}` };
  }
  if (response.status !== 200 || !response.headers.get("content-type")?.startsWith("application/json")) {
    return { refused: "rejected", detail: `STS did not accept the signature (${response.status})` };
  }
  return readIdentity(await response.json().catch(() => undefined));
}

function readProof(value: unknown, region: string): IdentityProof | undefined {
  if (typeof value !== "object" || value === null) {
    return undefined;
  }
  const { credential, date, signature, securityToken } = value as Record<string, unknown>;
  if (typeof credential !== "string" || typeof date !== "string" || typeof signature !== "string") {
    return undefined;
  }
  const scope = credentialPattern.exec(credential);
  if (
    scope?.[2] !== region ||
    !datePattern.test(date) ||
    scope[1] !== date.slice(0, 8) ||
    !signaturePattern.test(signature)
  ) {
    return undefined;
  }
  if (securityToken === undefined) {
    return { credential, date, signature };
  }
  return typeof securityToken === "string" && securityToken.length <= partCharactersMax
    ? { credential, date, signature, securityToken }
    : undefined;
}

function signedAt(date: string): number {
  const [, year, month, day, hour, minute, second] = datePattern.exec(date) ?? [];
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

function stsUrl(proof: IdentityProof, sts: StsEndpoint): URL {
  const url = new URL("/", sts.url);
  const query: Record<string, string> = {
    Action: "GetCallerIdentity",
    Version: "2011-06-15",
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": proof.credential,
    "X-Amz-Date": proof.date,
    "X-Amz-Expires": String(proofAgeMaxMs / 1_000),
    "X-Amz-SignedHeaders": `host;${audienceHeader}`,
    "X-Amz-Signature": proof.signature,
    ...(proof.securityToken === undefined ? {} : { "X-Amz-Security-Token": proof.securityToken }),
  };
  // encodeURIComponent, unlike URLSearchParams, writes the encoding that the signature was made over.
  url.search = Object.entries(query)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join("&");
  return url;
}

function readIdentity(body: unknown): ProvenIdentity | ProofRefusal {
  const result = (
    body as { GetCallerIdentityResponse?: { GetCallerIdentityResult?: Record<string, unknown> } } | undefined
  )?.GetCallerIdentityResponse?.GetCallerIdentityResult;
  const { Account: accountID, Arn: arn, UserId: userID } = result ?? {};
  if (typeof accountID !== "string" || typeof arn !== "string" || typeof userID !== "string") {
    return { refused: "rejected", detail: "STS answered in an unexpected form" };
  }
  const role = parseAssumedRole(arn);
  const [roleID, sessionName] = userID.split(":");
  if (role === undefined || role.accountID !== accountID || roleID === undefined || sessionName !== role.sessionName) {
    return { refused: "not-a-role", detail: "only an assumed role can prove a person or a task" };
  }
  return { accountID, arn, roleID, role };
}

/** A fresh nonce: 24 random bytes in base64url. */
export function formatNonce(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}
