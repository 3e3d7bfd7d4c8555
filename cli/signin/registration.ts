import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { RegisterClientCommand, type SSOOIDCClient } from "@aws-sdk/client-sso-oidc";
import { Secret } from "#lib/secret.ts";
import type { World } from "../command.ts";
import { codeGrants, defaultScope, redirectURIWithoutPort } from "./portal-protocol.ts";
import type { SsoSession } from "./sso-session.ts";
import { cacheDirectory, wholeSeconds, writePrivately } from "./token-cache.ts";

/** One that ends sooner is not worth beginning with; the `aws` command line's own window. */
const leewayMs = 15 * 60_000;

/** A client that is registered with the portal's sign-in. */
export interface Registration {
  readonly clientID: string;
  readonly clientSecret: Secret;
  /** RFC 3339 */
  readonly expiryTime: string;
}

/** For which portal a client is registered. */
export interface RegistrationOf {
  readonly startURL: string;
  readonly region: string;
  readonly session: SsoSession | undefined;
}

/**
 * A client for the code flow: the one in the cache that we share with the `aws` command line, else a new one, which is kept there. With
 * `fresh` always a new one.
 */
export async function registrationFor(
  of: RegistrationOf,
  client: SSOOIDCClient,
  world: World,
  fresh: boolean,
): Promise<Registration> {
  const file = path.join(cacheDirectory(world), `${registrationKey(of)}.json`);
  const known = fresh ? undefined : readRegistration(file);
  if (known !== undefined && Date.parse(known.expiryTime) - world.clock.now() > leewayMs) {
    return known;
  }
  const scopes = of.session?.scopes ?? [defaultScope];
  const answer = await client.send(
    new RegisterClientCommand({
      clientName: "sallyport",
      clientType: "public",
      grantTypes: [...codeGrants],
      redirectUris: [redirectURIWithoutPort],
      issuerUrl: of.startURL,
      scopes: [...scopes],
    }),
    { abortSignal: world.signal },
  );
  const registration = {
    clientID: answer.clientId ?? "",
    clientSecret: new Secret(answer.clientSecret ?? ""),
    expiryTime: new Date((answer.clientSecretExpiresAt ?? 0) * 1_000).toISOString(),
  };
  writePrivately(file, {
    clientId: registration.clientID,
    clientSecret: registration.clientSecret.reveal(),
    expiresAt: wholeSeconds(registration.expiryTime),
    scopes,
    grantTypes: codeGrants,
  });
  return registration;
}

/**
 * The name under which botocore keeps a registration: the SHA-1 of these parameters as Python writes them in JSON, with sorted keys, a
 * blank behind commas and colons, and everything beyond ASCII escaped.
 */
export function registrationKey({ startURL, region, session }: RegistrationOf): string {
  const { name, scopes } = session ?? {};
  const parts = [
    `"region": ${pythonText(region)}`,
    `"scopes": ${scopes === undefined ? "null" : `[${scopes.map(pythonText).join(", ")}]`}`,
    `"session_name": ${name === undefined ? "null" : pythonText(name)}`,
    `"startUrl": ${pythonText(session?.startURL ?? startURL)}`,
    `"tool": "botocore"`,
  ];
  return createHash("sha1")
    .update(`{${parts.join(", ")}}`)
    .digest("hex");
}

function pythonText(text: string): string {
  // oxlint-disable-next-line no-control-regex -- all that is not ASCII
  const escape = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(text).replaceAll(/[\u007f-\uffff]/g, escape);
}

/** One for the code flow; the device flow's, which may lie in the same place, says no grant types. */
function readRegistration(file: string): Registration | undefined {
  try {
    const { clientId, clientSecret, expiresAt, grantTypes } = JSON.parse(readFileSync(file, "utf8")) as Record<
      string,
      unknown
    >;
    const isForCodes = Array.isArray(grantTypes) && grantTypes.includes("authorization_code");
    return isForCodes &&
      typeof clientId === "string" &&
      typeof clientSecret === "string" &&
      typeof expiresAt === "string"
      ? { clientID: clientId, clientSecret: new Secret(clientSecret), expiryTime: expiresAt.replace(/UTC$/, "Z") }
      : undefined;
  } catch {
    return undefined;
  }
}
