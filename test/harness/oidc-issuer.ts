import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { Provider } from "oidc-provider";

/** Clients that the issuer knows. */
export const consoleClient = { id: "console", secret: "console-secret-of-the-tests" };
export const cliClient = { id: "cli" };

/** A certified OIDC issuer that we did not write, on loopback. It asks nobody for a password. */
export interface OidcIssuerServer extends AsyncDisposable {
  readonly issuer: string;
  /** Who signs in from now on, in whatever browser; undefined: the sign-in is refused. */
  person: { userName: string; email?: string; emailVerified?: boolean } | undefined;
  /** Goes there as a browser does, confirming what it is asked, until it is sent to another site: gives that address, or the last own one. */
  walk(address: string): Promise<string>;
  /** Signs claims with the issuer's key of now, as the issuer would never do. */
  forge(claims: JWTPayload, header?: Readonly<Record<string, unknown>>): Promise<string>;
  /** From now on it signs with another key, and publishes that alone. */
  rotate(): Promise<void>;
  /** Paths that were asked for. */
  readonly calls: string[];
}

const artifacts = [
  "AccessToken",
  "AuthorizationCode",
  "DeviceCode",
  "Grant",
  "IdToken",
  "Interaction",
  "RefreshToken",
  "Session",
];

interface Signing {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly handle: ReturnType<Provider["callback"]>;
  readonly provider: Provider;
}

/** Starts it. `redirectURI` is where the console's client may send browsers; the command line's may name any loopback port (RFC 8252 7.3). */
export async function startOidcIssuer(
  redirectURI = "https://sallyport.test/console/callback",
): Promise<OidcIssuerServer> {
  let signing: Signing | undefined;
  const calls: string[] = [];
  const server = createServer((request, response) => {
    calls.push(`${request.method} ${request.url?.split("?")[0]}`);
    void answer(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let keys = 0;
  const make = async (): Promise<Signing> => {
    keys += 1;
    const kid = `key-${keys}`;
    const { privateKey } = await generateKeyPair("RS256", { extractable: true });
    const jwk = { ...(await exportJWK(privateKey)), kid, use: "sig", alg: "RS256" };
    const provider = quietly(
      () =>
        new Provider(
          issuer,
          configuration(redirectURI, jwk, () => self.person),
        ),
    );
    return { kid, privateKey, provider, handle: provider.callback() };
  };
  const self: OidcIssuerServer = {
    issuer,
    calls,
    person: undefined,
    walk: (address) => walk(address, issuer),
    forge(claims, header = {}) {
      const { kid, privateKey } = signing as Signing;
      return new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid, ...header }).sign(privateKey);
    },
    async rotate() {
      signing = await make();
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { provider, handle } = signing as Signing;
    if (request.url?.startsWith("/interaction/") !== true) {
      handle(request, response);
      return;
    }
    const { person } = self;
    const denied = { error: "access_denied", error_description: "the person said no" };
    const result = person === undefined ? denied : { login: { accountId: person.userName }, consent: {} };
    await provider.interactionFinished(request, response, result);
  }
  await self.rotate();
  return self;
}

function configuration(
  redirectURI: string,
  jwk: Readonly<Record<string, unknown>>,
  person: () => OidcIssuerServer["person"],
): Record<string, unknown> {
  const device = "urn:ietf:params:oauth:grant-type:device_code";
  return {
    clients: [
      {
        client_id: consoleClient.id,
        client_secret: consoleClient.secret,
        token_endpoint_auth_method: "client_secret_post",
        redirect_uris: [redirectURI],
        grant_types: ["authorization_code"],
      },
      {
        client_id: cliClient.id,
        application_type: "native",
        token_endpoint_auth_method: "none",
        redirect_uris: ["http://127.0.0.1/callback"],
        grant_types: ["authorization_code", "refresh_token", device],
      },
    ],
    jwks: { keys: [jwk] },
    claims: { openid: ["sub"], profile: ["preferred_username"], email: ["email", "email_verified"] },
    // What the profile says goes into the ID token, as with the issuers that companies have.
    conformIdTokenClaims: false,
    // Stated, because the package says at length that its own values are not for production.
    ttl: Object.fromEntries(artifacts.map((artifact) => [artifact, 3_600])),
    pkce: { required: () => true },
    cookies: { keys: ["a key of the tests"] },
    features: {
      devInteractions: { enabled: false },
      deviceFlow: { enabled: true },
      revocation: { enabled: true },
      rpInitiatedLogout: { enabled: true },
    },
    interactions: { url: (_: unknown, interaction: { uid: string }) => `/interaction/${interaction.uid}` },
    issueRefreshToken: async (_: unknown, client: { grantTypeAllowed(type: string): boolean }) =>
      client.grantTypeAllowed("refresh_token"),
    findAccount: (_: unknown, accountId: string) => ({
      accountId,
      claims: async () => {
        const { email, emailVerified } = person() ?? {};
        return {
          sub: `subject-of-${accountId}`,
          preferred_username: accountId,
          ...(email === undefined ? {} : { email, email_verified: emailVerified ?? false }),
        };
      },
    }),
    /** Nobody is asked for consent. */
    loadExistingGrant: async (context: GrantContext) => {
      const { client, session, provider } = context.oidc;
      const grant = new provider.Grant({ accountId: session.accountId, clientId: client.clientId });
      grant.addOIDCScope("openid profile email offline_access");
      await grant.save();
      return grant;
    },
  };
}

interface GrantContext {
  readonly oidc: {
    readonly client: { readonly clientId: string };
    readonly session: { readonly accountId: string };
    readonly provider: Provider;
  };
}

/** The package warns that it keeps everything in memory, which is what tests want. */
function quietly<T>(make: () => T): T {
  const { warn } = console;
  // It also says which of its pages are not for production, as each is first shown.
  console.info = () => {};
  console.warn = () => {};
  try {
    return make();
  } finally {
    console.warn = warn;
  }
}

/** A browser with cookies for one site. It sends the form of a page that asks for a confirmation. */
async function walk(address: string, issuer: string): Promise<string> {
  const cookies = new Map<string, string>();
  const go = async (url: string, form?: URLSearchParams): Promise<Response> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const sent = form === undefined ? {} : { method: "POST", body: form };
    const answer = await fetch(url, { redirect: "manual", headers: { cookie }, ...sent });
    for (const set of answer.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      if (value === "") {
        cookies.delete(name);
      } else {
        cookies.set(name, value);
      }
    }
    return answer;
  };
  let at = address;
  let answer = await go(at);
  for (let hops = 0; hops < 20; hops += 1) {
    const location = answer.headers.get("location");
    if (location !== null) {
      at = new URL(location, at).href;
      if (!at.startsWith(issuer)) {
        return at;
      }
      answer = await go(at);
      continue;
    }
    const page = await answer.text();
    const inputs = [...page.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)"/g)];
    if (inputs.length === 0) {
      return at;
    }
    const form = new URLSearchParams(inputs.map(([, name = "", value = ""]): [string, string] => [name, value]));
    at = new URL(/<form[^>]* action="([^"]+)"/.exec(page)?.[1] ?? at, at).href;
    answer = await go(at, form);
  }
  throw new Error("the issuer never came to an end");
}
