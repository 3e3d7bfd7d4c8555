import { createHash } from "node:crypto";
import { CreateTokenCommand, RegisterClientCommand, StartDeviceAuthorizationCommand } from "@aws-sdk/client-sso-oidc";
import { ListAccountsCommand } from "@aws-sdk/client-sso";
import { expect, test } from "vitest";
import { deviceGrantMs } from "./device-grants.ts";
import { clientMs } from "./oidc-clients.ts";
import { plainTokenMs, refreshableTokenMs } from "./oidc.ts";
import { codeMs } from "./authorization-codes.ts";
import { type Harness, startHarness } from "../testing/harness.ts";

async function register(harness: Harness, scopes?: string[]) {
  const client = await harness.clients.oidc.send(
    new RegisterClientCommand({ clientName: "sallyport", clientType: "public", scopes }),
  );
  return { clientId: client.clientId, clientSecret: client.clientSecret };
}

/** A client for browsers, as the `aws` command line registers itself. */
async function registerForBrowser(harness: Harness) {
  const client = await harness.clients.oidc.send(
    new RegisterClientCommand({
      clientName: "sallyport",
      clientType: "public",
      grantTypes: ["authorization_code", "refresh_token"],
      redirectUris: ["http://127.0.0.1/oauth/callback"],
      issuerUrl: harness.sandbox.startURL,
      scopes: ["sso:account:access"],
    }),
  );
  return { clientId: client.clientId, clientSecret: client.clientSecret };
}

async function startDevice(harness: Harness, scopes?: string[]) {
  const client = await register(harness, scopes);
  const device = await harness.clients.oidc.send(
    new StartDeviceAuthorizationCommand({ ...client, startUrl: harness.sandbox.startURL }),
  );
  const poll = () =>
    harness.clients.oidc.send(
      new CreateTokenCommand({
        ...client,
        grantType: "urn:ietf:params:oauth:grant-type:device_code",
        deviceCode: device.deviceCode,
      }),
    );
  return { client, device, poll, userCode: device.userCode ?? "" };
}

test("a device code is pending until a person confirms it in the page, and then gives a token once", async () => {
  await using harness = await startHarness();
  const { device, poll, userCode } = await startDevice(harness);

  await expect(poll()).rejects.toMatchObject({
    name: "AuthorizationPendingException",
    error: "authorization_pending",
    $metadata: { httpStatusCode: 400 },
  });
  const page = await (await fetch(device.verificationUriComplete ?? "")).text();
  const confirmed = await fetch(device.verificationUri ?? "", {
    method: "POST",
    body: new URLSearchParams({ user_code: userCode, user_name: "ada" }),
  });
  const token = await poll();
  const accounts = await harness.clients.portal.send(new ListAccountsCommand({ accessToken: token.accessToken }));

  expect(device.interval).toBe(1);
  expect(userCode).toMatch(/^[A-Z]{4}-[A-Z]{4}$/);
  expect(page).toContain("Ada Lovelace (ada)");
  expect(page).not.toContain("mallory");
  expect(confirmed.status).toBe(200);
  expect(token).toMatchObject({ tokenType: "Bearer", expiresIn: plainTokenMs / 1000 });
  expect(accounts.accountList).toHaveLength(1);
  await expect(poll()).rejects.toMatchObject({ name: "InvalidGrantException" });
});

test("polling faster than the interval is told to slow down", async () => {
  await using harness = await startHarness({ delays: { devicePollSeconds: 5 } });
  const { poll } = await startDevice(harness);

  await expect(poll()).rejects.toMatchObject({ name: "AuthorizationPendingException" });
  harness.clock.advance(1000);
  await expect(poll()).rejects.toMatchObject({ name: "SlowDownException", error: "slow_down" });
  harness.clock.advance(5000);
  await expect(poll()).rejects.toMatchObject({ name: "AuthorizationPendingException" });
});

test("a device code that nobody confirmed in ten minutes has expired, and nobody can confirm it then", async () => {
  await using harness = await startHarness();
  const { poll, userCode } = await startDevice(harness);

  harness.clock.advance(deviceGrantMs);

  await expect(poll()).rejects.toMatchObject({ name: "ExpiredTokenException", error: "expired_token" });
  expect(() => harness.sandbox.approveDevice(userCode, "ada")).toThrow(/expired/);
});

test("a person may say no, and a disabled person cannot say yes", async () => {
  await using harness = await startHarness();
  const { device, poll, userCode } = await startDevice(harness);

  expect(() => harness.sandbox.approveDevice(userCode, "mallory")).toThrow(/cannot sign in/);
  await fetch(device.verificationUri ?? "", {
    method: "POST",
    body: new URLSearchParams({ user_code: userCode, decision: "deny" }),
  });

  await expect(poll()).rejects.toMatchObject({ name: "AccessDeniedException", error: "access_denied" });
});

test("a client that registered scopes may refresh its token until the sign-in ends", async () => {
  await using harness = await startHarness();
  const { client, poll, userCode } = await startDevice(harness, ["sso:account:access"]);
  harness.sandbox.approveDevice(userCode.toLowerCase().replace("-", ""), "ada");
  const first = await poll();
  const refresh = () =>
    harness.clients.oidc.send(
      new CreateTokenCommand({ ...client, grantType: "refresh_token", refreshToken: first.refreshToken }),
    );
  const list = (accessToken: string | undefined) =>
    harness.clients.portal.send(new ListAccountsCommand({ accessToken }));

  harness.clock.advance(refreshableTokenMs);
  await expect(list(first.accessToken)).rejects.toMatchObject({ name: "UnauthorizedException" });
  const second = await refresh();
  await list(second.accessToken);
  harness.clock.advance(7 * 3_600_000);

  expect(first.expiresIn).toBe(3600);
  await expect(refresh()).rejects.toMatchObject({ name: "InvalidGrantException" });
});

test("a refresh token is no access token, and another client cannot use it", async () => {
  await using harness = await startHarness();
  const { poll, userCode } = await startDevice(harness, ["sso:account:access"]);
  harness.sandbox.approveDevice(userCode, "ada");
  const { refreshToken } = await poll();
  const other = await register(harness);

  const asAccess = () => harness.clients.portal.send(new ListAccountsCommand({ accessToken: refreshToken }));
  const asOther = () =>
    harness.clients.oidc.send(new CreateTokenCommand({ ...other, grantType: "refresh_token", refreshToken }));

  await expect(asAccess()).rejects.toMatchObject({ name: "UnauthorizedException" });
  await expect(asOther()).rejects.toMatchObject({ name: "InvalidGrantException" });
});

test("a client with a wrong secret, a wrong grant type or a foreign start URL is refused", async () => {
  await using harness = await startHarness();
  const client = await register(harness);
  const oidc = harness.clients.oidc;

  const wrongSecret = () =>
    oidc.send(
      new StartDeviceAuthorizationCommand({ ...client, clientSecret: "x", startUrl: harness.sandbox.startURL }),
    );
  const foreign = () => oidc.send(new StartDeviceAuthorizationCommand({ ...client, startUrl: "https://example.com/" }));
  const grantType = () => oidc.send(new CreateTokenCommand({ ...client, grantType: "password" }));

  await expect(wrongSecret()).rejects.toMatchObject({ name: "InvalidClientException" });
  await expect(foreign()).rejects.toMatchObject({ name: "InvalidRequestException" });
  await expect(grantType()).rejects.toMatchObject({ name: "UnsupportedGrantTypeException" });
});

test("a browser sign-in with PKCE gives a token to who knows the verifier, once", async () => {
  await using harness = await startHarness();
  const { sandbox } = harness;
  const client = await registerForBrowser(harness);
  const codeVerifier = "v".repeat(64);
  const redirectUri = "http://127.0.0.1:9/oauth/callback";
  const approve = async () => {
    const answer = await fetch(`${sandbox.url}/_sandbox/authorize`, {
      method: "POST",
      redirect: "manual",
      body: new URLSearchParams({
        client_id: client.clientId ?? "",
        redirect_uri: redirectUri,
        state: "s1",
        code_challenge: createHash("sha256").update(codeVerifier).digest("base64url"),
        user_name: "ada",
      }),
    });
    return new URL(answer.headers.get("location") ?? "").searchParams;
  };
  const redeem = (code: string | null, verifier: string) =>
    harness.clients.oidc.send(
      new CreateTokenCommand({
        ...client,
        grantType: "authorization_code",
        code: code ?? "",
        redirectUri,
        codeVerifier: verifier,
      }),
    );

  const first = await approve();
  const token = await redeem(first.get("code"), codeVerifier);
  const second = await approve();

  expect(first.get("state")).toBe("s1");
  expect(token.accessToken).toBeTruthy();
  await expect(redeem(first.get("code"), codeVerifier)).rejects.toMatchObject({ name: "InvalidGrantException" });
  await expect(redeem(second.get("code"), "w".repeat(64))).rejects.toMatchObject({ name: "InvalidGrantException" });
  const third = await approve();
  harness.clock.advance(codeMs);
  await expect(redeem(third.get("code"), codeVerifier)).rejects.toMatchObject({ name: "InvalidGrantException" });
});

test("a browser is sent back with a code only to where a known client registered it, and without one for a disabled person", async () => {
  await using harness = await startHarness();
  const [client, device] = [await registerForBrowser(harness), await register(harness)];
  const code_challenge = "x".repeat(43);
  const right = { client_id: client.clientId ?? "", state: "s", code_challenge };
  const post = (redirect_uri: string, user_name: string, change: Record<string, string> = {}) =>
    fetch(`${harness.sandbox.url}/_sandbox/authorize`, {
      method: "POST",
      redirect: "manual",
      body: new URLSearchParams({ ...right, redirect_uri, user_name, ...change }),
    });

  const registered = "http://127.0.0.1:9/oauth/callback";

  const refused = await Promise.all([
    post("https://example.com/oauth/callback", "ada"),
    post("http://127.0.0.1:9/elsewhere", "ada"),
    post("http://localhost:9/oauth/callback", "ada"),
    post(registered, "ada", { client_id: "unknown" }),
    post(registered, "ada", { client_id: device.clientId ?? "" }),
    post(registered, "ada", { code_challenge: "x" }),
  ]);
  const disabled = await post(registered, "mallory");

  expect(refused.map((answer) => answer.status)).toEqual(refused.map(() => 400));
  expect(disabled.headers.get("location")).toBe(`${registered}?state=s&error=access_denied`);
});

test("a client gets tokens only in the ways that it registered", async () => {
  await using harness = await startHarness();
  const { oidc } = harness.clients;
  const forBrowser = await registerForBrowser(harness);
  const base = { clientName: "c", clientType: "public", issuerUrl: harness.sandbox.startURL };

  const device = oidc.send(
    new CreateTokenCommand({
      ...forBrowser,
      grantType: "urn:ietf:params:oauth:grant-type:device_code",
      deviceCode: "d",
    }),
  );
  const noRedirect = oidc.send(new RegisterClientCommand({ ...base, grantTypes: ["authorization_code"] }));
  const unknown = oidc.send(new RegisterClientCommand({ ...base, grantTypes: ["password"] }));

  await expect(device).rejects.toMatchObject({ name: "UnauthorizedClientException" });
  await expect(noRedirect).rejects.toMatchObject({ name: "InvalidRedirectUriException" });
  await expect(unknown).rejects.toMatchObject({ name: "InvalidClientMetadataException" });
});

test("a client's registration ends after 90 days", async () => {
  await using harness = await startHarness();
  const client = await register(harness);
  const start = () =>
    harness.clients.oidc.send(new StartDeviceAuthorizationCommand({ ...client, startUrl: harness.sandbox.startURL }));

  harness.clock.advance(clientMs - 1);
  await start();
  harness.clock.advance(1);

  await expect(start()).rejects.toMatchObject({ name: "InvalidClientException" });
});
