import { Sha256 } from "@aws-crypto/sha256-js";
import { HttpRequest as SmithyRequest } from "@smithy/protocol-http";
import { SignatureV4 } from "@smithy/signature-v4";
import type { IssuedCredentials } from "../credentials.ts";
import type { HttpRequest } from "../server/request.ts";
import { sdkCredentials } from "./clients.ts";

/** A request to sign, before it is one. */
export interface Unsigned {
  readonly method?: string;
  readonly path?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Whom and what a signature is for. */
export interface SigningParts {
  readonly credentials: IssuedCredentials;
  readonly service: string;
  readonly region?: string;
  readonly at: number;
}

/** Signs with the official signer, in the Authorization header. */
export async function signedInHeader(unsigned: Unsigned, parts: SigningParts): Promise<HttpRequest> {
  const signed = await signerOf(parts).sign(smithy(unsigned), { signingDate: new Date(parts.at) });
  return received(signed, unsigned.body);
}

/** Presigns with the official signer, in the query. Headers that do not start with `x-amz-` stay headers and are signed. */
export async function signedInQuery(unsigned: Unsigned, parts: SigningParts): Promise<HttpRequest> {
  const signed = await signerOf(parts).presign(smithy(unsigned), {
    signingDate: new Date(parts.at),
    expiresIn: 60,
  });
  return received(signed, unsigned.body);
}

function signerOf({ credentials, service, region = "eu-west-1" }: SigningParts): SignatureV4 {
  return new SignatureV4({ credentials: sdkCredentials(credentials), service, region, sha256: Sha256 });
}

function smithy(unsigned: Unsigned): SmithyRequest {
  return new SmithyRequest({
    method: unsigned.method ?? "GET",
    protocol: "http:",
    hostname: "127.0.0.1",
    port: 4599,
    path: unsigned.path ?? "/",
    query: { ...unsigned.query },
    headers: { host: "127.0.0.1:4599", ...unsigned.headers },
    ...(unsigned.body === undefined ? {} : { body: unsigned.body }),
  });
}

interface Signed {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
}

function received(signed: Signed, body = ""): HttpRequest {
  const pairs = Object.entries(signed.query ?? {}).map(
    ([name, value]) => `${encode(name)}=${encode(typeof value === "string" ? value : "")}`,
  );
  const headers = Object.fromEntries(
    Object.entries(signed.headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  return { method: signed.method, path: signed.path, query: pairs.join("&"), headers, body: Buffer.from(body) };
}

/** RFC 3986, as SDKs put a query on the wire. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
