import { createHash } from "node:crypto";
import path from "node:path";
import { CreateTokenCommand, SSOOIDCClient, StartDeviceAuthorizationCommand } from "@aws-sdk/client-sso-oidc";
import { awsHttp } from "#lib/aws-http.ts";
import { UserError } from "#lib/errors.ts";
import type { World } from "../command.ts";
import { type Opener, openAddress } from "./browser.ts";
import { listenOnLoopback } from "./loopback.ts";
import { callbackPath, defaultScope, signInFailure, tokenOf } from "./portal-protocol.ts";
import { type Registration, registrationFor } from "./registration.ts";
import { findSsoSession } from "./sso-session.ts";
import { cacheDirectory, cacheName, type PortalToken } from "./token-cache.ts";

/** 48 bytes are 64 characters of base64url: RFC 7636 4.1 wants 43 to 128. */
const verifierBytes = 48;
const stateBytes = 24;

/**
 * Signs a person in to the AWS access portal in a browser of this computer: authorization code with PKCE (RFC 7636), back to a loopback
 * port (RFC 8252), as `aws sso login` does. Nobody has to compare codes, and a code that somebody else began is no use here.
 */
export async function signInByBrowser(
  portal: { readonly startURL: string; readonly region: string },
  opener: Opener,
  world: World,
  fresh: boolean,
): Promise<PortalToken> {
  const { startURL, region } = portal;
  const session = findSsoSession(startURL, region, world);
  const client = new SSOOIDCClient({ region, requestHandler: awsHttp() });
  try {
    const registration = await registrationFor({ startURL, region, session }, client, world, fresh);
    await using loopback = await listenOnLoopback(callbackPath, world);
    const state = base64url(world.random(stateBytes));
    const verifier = base64url(world.random(verifierBytes));
    const scopes = (session?.scopes ?? [defaultScope]).join(" ");
    const address = await authorizeAddress(client, {
      response_type: "code",
      client_id: registration.clientID,
      redirect_uri: loopback.redirectURI,
      state,
      code_challenge_method: "S256",
      code_challenge: createHash("sha256").update(verifier).digest("base64url"),
      // Not `scope`: the portal's own name for it.
      scopes,
    });
    await show(address, opener, world);
    const code = codeOf(await loopback.returned(state));
    const redirectURI = loopback.redirectURI;
    const answer = await redeem(client, registration, { code, verifier, redirectURI }, world);
    const file = path.join(cacheDirectory(world), cacheName(session?.name ?? startURL));
    return tokenOf(answer, registration, { startURL: session?.startURL ?? startURL, region, file }, world);
  } catch (error) {
    throw signInFailure(error, startURL);
  } finally {
    client.destroy();
  }
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

async function show(address: string, opener: Opener, world: World): Promise<void> {
  world.output.event("SIGN IN", "Opening your browser. If it does not open, visit:", { verificationURL: address });
  world.output.note(address);
  world.output.note("With a browser on another computer: sallyport login --device");
  await openAddress(opener, address, world);
}

function codeOf(returned: URL): string {
  const code = returned.searchParams.get("code");
  if (code === null) {
    const why = returned.searchParams.get("error_description") ?? returned.searchParams.get("error") ?? "";
    throw new UserError("SignInDenied", "the sign-in was refused in the browser", { why, next: "sallyport login" });
  }
  return code;
}

function redeem(
  client: SSOOIDCClient,
  registration: Registration,
  proof: { readonly code: string; readonly verifier: string; readonly redirectURI: string },
  world: World,
) {
  return client.send(
    new CreateTokenCommand({
      grantType: "authorization_code",
      clientId: registration.clientID,
      clientSecret: registration.clientSecret.reveal(),
      code: proof.code,
      codeVerifier: proof.verifier,
      redirectUri: proof.redirectURI,
    }),
    { abortSignal: world.signal },
  );
}

/** The page is at the address of the API, which the SDK works out from the region, the environment and the configuration. */
async function authorizeAddress(client: SSOOIDCClient, query: Readonly<Record<string, string>>): Promise<string> {
  let base: string | undefined;
  const probe = new StartDeviceAuthorizationCommand({ clientId: "-", clientSecret: "-", startUrl: "-" });
  probe.middlewareStack.add(
    () => async (args) => {
      const { protocol, hostname, port } = args.request as { protocol: string; hostname: string; port?: number };
      base = `${protocol}//${hostname}${port === undefined ? "" : `:${port}`}`;
      // Nothing is sent: the address is all that is wanted.
      return { output: { $metadata: {} }, response: undefined };
    },
    { step: "build", name: "sallyportAddress" },
  );
  await client.send(probe);
  return `${base}/authorize?${new URLSearchParams(query).toString()}`;
}
